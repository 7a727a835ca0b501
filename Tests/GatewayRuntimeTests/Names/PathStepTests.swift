import GatewayTesting
import Glibc
import Testing

@testable import GatewayRuntime

struct PathStepTests {
    @Test(arguments: [
        ("/etc/hosts", "/etc", "hosts"), ("/hosts", "/", "hosts"), ("hosts", ".", "hosts"), ("/a/b/c", "/a/b", "c"),
    ])
    func pathIsFolderAndName(path: String, folder: String, name: String) {
        let step = PathStep(path)
        #expect(step.folder == folder && step.name == name)
    }

    @Test func linksAreFollowed_relativeAndAbsolute() throws {
        let folder = try TemporaryFolder()
        symlink("second", folder.path(of: "first"))
        symlink(folder.path(of: "file"), folder.path(of: "second"))
        #expect(PathStep.all(to: folder.path(of: "first")).map(\.name) == ["first", "second", "file"])
    }

    @Test func loopOfLinksEnds() throws {
        let folder = try TemporaryFolder()
        symlink("b", folder.path(of: "a"))
        symlink("a", folder.path(of: "b"))
        #expect(PathStep.all(to: folder.path(of: "a")).count == 41)
    }
}
