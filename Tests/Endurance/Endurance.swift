import ArgumentParser
import Foundation
import GatewayTesting

/// What becomes of the built program under thousands of clients (`load`), and after hours in which everything fails
/// (`soak`). `scripts/endure` runs it in namespaces of its own.
@main
struct Endurance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Endurance", abstract: "Thousands of clients, and hours of trouble.",
        subcommands: [Load.self, Soak.self])
}

/// Prints a line at once, also into a file.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

/// What happened when, in a file beside what was built: for whoever wants to know why a promise was broken.
@MainActor
final class Journal {
    private let file: FileHandle?

    init(_ name: String) throws {
        let path = "\(ToolBox.packageRoot)/.build/\(name)"
        guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path)
        else {
            throw TestingError("cannot write \(path)")
        }
        self.file = file
        say("journal: \(path)")
    }

    /// One line, with the time in seconds of CLOCK_MONOTONIC.
    func note(_ text: some StringProtocol) {
        let seconds = Double(Excuses.now / 1_000_000) / 1000
        file?.write(Data("\(seconds) \(text)\n".utf8))
    }
}

/// What was promised and did not hold. All of it is said at the end, and the exit code is 1.
@MainActor
final class Findings {
    private(set) var all: [String] = []

    /// Notes what does not hold.
    func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
        guard !holds else { return }
        let text = what()
        all.append(text)
        say("BROKEN: \(text)")
    }

    /// Says how it went; throws where something was broken.
    func conclude() throws {
        guard all.isEmpty else {
            say("\(all.count) promises are broken:\n  " + all.joined(separator: "\n  "))
            throw ExitCode.failure
        }
        say("all promises hold")
    }
}

/// Asks again and again until `condition` holds, as `eventually` does, for what lives on the main actor.
@MainActor
func settled(
    _ what: @autoclosure () -> String, within limit: Duration, every pause: Duration = .milliseconds(200),
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw TestingError("not within \(limit): \(what())") }
        try await Task.sleep(for: pause)
    }
}
