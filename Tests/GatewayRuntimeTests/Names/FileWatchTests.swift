import Gateway
import GatewayTesting
import Glibc
import Testing

@testable import GatewayRuntime

struct FileWatchTests {
    private let folder: TemporaryFolder
    private let calls = Recorder<String>()

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Watches a file while `body` runs; each call notes what the file says then.
    private func watching(_ name: String, _ body: (EventExecutor) async throws -> Void) async throws {
        let path = folder.path(of: name)
        try await withControlLoop { executor in
            let watch = try await executor.perform { [calls] in
                try LoopBox(
                    FileWatch(executor: executor, paths: [path]) { calls.add(SystemFile.read(path) ?? "missing") })
            }
            do {
                try await body(executor)
            } catch {
                try await executor.perform { watch.value.close() }
                throw error
            }
            try await executor.perform { watch.value.close() }
        }
    }

    private func expectSeen(_ text: String) async throws {
        try await eventually("'\(text)' is seen after \(calls.all)") { calls.all.last == text }
    }

    private func overwrite(_ name: String, _ text: String) {
        let file = open(folder.path(of: name), O_WRONLY | O_TRUNC | O_CREAT, 0o600)
        _ = Glibc.write(file, text, text.utf8.count)
        close(file)
    }

    @Test func replacedByRename() async throws {
        try folder.write("old", to: "hosts")
        try await watching("hosts") { _ in
            try folder.write("new", to: "hosts.tmp")
            rename(folder.path(of: "hosts.tmp"), folder.path(of: "hosts"))
            try await expectSeen("new")
        }
    }

    @Test func editedInPlace_evenToTheSameLength() async throws {
        try folder.write("old", to: "hosts")
        try await watching("hosts") { _ in
            for text in ["new", "now", "not"] {
                overwrite("hosts", text)
                try await expectSeen(text)
            }
        }
    }

    /// As a container's files are written, which are mounted from elsewhere.
    @Test func editedInPlace_underAnotherNameInAnotherFolder() async throws {
        let other = try TemporaryFolder()
        try folder.write("old", to: "hosts")
        try #require(link(folder.path(of: "hosts"), other.path(of: "hosts")) == 0)
        try await watching("hosts") { _ in
            for text in ["new", "now"] {
                let file = open(other.path(of: "hosts"), O_WRONLY | O_TRUNC)
                _ = Glibc.write(file, text, text.utf8.count)
                close(file)
                try await expectSeen(text)
            }
        }
    }

    @Test func deletedAndMadeAnew_severalTimes() async throws {
        try folder.write("old", to: "hosts")
        try await watching("hosts") { _ in
            for text in ["first", "second"] {
                unlink(folder.path(of: "hosts"))
                try await expectSeen("missing")
                overwrite("hosts", text)
                try await expectSeen(text)
            }
        }
    }

    @Test func fileThatAppearsLater() async throws {
        try await watching("hosts") { _ in
            overwrite("hosts", "there")
            try await expectSeen("there")
        }
    }

    @Test func linksTargetChanges_andThenTheNewTarget() async throws {
        for place in ["one", "two"] { mkdir(folder.path(of: place), 0o700) }
        overwrite("one/file", "one")
        overwrite("two/file", "two")
        symlink("one/file", folder.path(of: "hosts"))
        try await watching("hosts") { _ in
            overwrite("one/file", "one, edited")
            try await expectSeen("one, edited")
            symlink("two/file", folder.path(of: "hosts.tmp"))
            rename(folder.path(of: "hosts.tmp"), folder.path(of: "hosts"))
            try await expectSeen("two")
            overwrite("two/file", "two, edited")
            try await expectSeen("two, edited")
        }
    }

    @Test func foldersOfTheFileComeAndGo() async throws {
        try await watching("run/resolve/hosts") { _ in
            for text in ["first", "second"] {
                mkdir(folder.path(of: "run"), 0o700)
                mkdir(folder.path(of: "run/resolve"), 0o700)
                overwrite("run/resolve/hosts", text)
                try await expectSeen(text)
                unlink(folder.path(of: "run/resolve/hosts"))
                rmdir(folder.path(of: "run/resolve"))
                rmdir(folder.path(of: "run"))
                try await expectSeen("missing")
            }
        }
    }

    @Test func otherFilesOfTheFolder_areNoneOfItsBusiness() async throws {
        // Never opened: a child that is being started elsewhere may be the last to close what was, at any time.
        mknod(folder.path(of: "hosts"), S_IFREG | 0o600, 0)
        try await watching("hosts") { _ in
            for number in 0..<20 { overwrite("other-\(number)", "x") }
            try await Task.sleep(for: FileWatch.settleTime * 3)  // this is the measurement
            #expect(calls.count == 0, "\(calls.all)")
            overwrite("hosts", "new")
            try await expectSeen("new")
        }
    }

    @Test func manyEventsOfOneChange_areOneCallOrTwo() async throws {
        try folder.write("old", to: "hosts")
        try await watching("hosts") { executor in
            try await executor.perform { [self] in for _ in 0..<50 { overwrite("hosts", "new") } }
            try await expectSeen("new")
        }
        #expect(calls.count <= 2)
    }

    @Test func closedWatchCallsNobody_andLeavesNoDescriptor() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            try folder.write("old", to: "hosts")
            let path = folder.path(of: "hosts")
            try await withControlLoop { executor in
                let before = openDescriptors()
                try await executor.perform {
                    for _ in 0..<50 {
                        let watch = try FileWatch(executor: executor, paths: [path]) { exit(1) }
                        rename(path, path + ".away")
                        rename(path + ".away", path)
                        watch.close()
                    }
                }
                try await Task.sleep(for: FileWatch.settleTime * 2)  // in which a call would come
                guard openDescriptors() <= before + 10 else { exit(2) }  // sleeping takes some
            }
        }
    }
}
