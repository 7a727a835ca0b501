import Foundation
import GatewayTesting

/// The program under `StandInManager`, which keeps its descriptors and starts it again whenever it ends.
final class StandIn: Sendable {
    private let process: ChildProcess

    init(port: UInt16, notifyPath: String, program: String, _ arguments: [String]) throws {
        process = try ChildProcess(
            ToolBox.beside("StandInManager"), [String(port), notifyPath, program] + arguments)
    }

    /// The last figure that it told with this word: "stored 5".
    private func last(_ word: String) -> Int? { all(word).last }

    private func all(_ word: String) -> [Int] {
        process.output.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            return words.count > 1 && words[0] == word ? Int(words[1]) : nil
        }
    }

    /// The process that runs now.
    var pid: pid_t? { last("started").map { pid_t($0) } }
    /// How often a process was started.
    var starts: Int { all("started").count }
    /// How often one has said that it is ready: the first time, after each kill, after each handing over.
    var readies: Int { all("ready").count }
    /// How often a watchdog was not fed in time.
    var late: Int { all("late").count }
    /// How many descriptors it keeps.
    var stored: Int { last("stored") ?? 0 }
    /// What the program has logged.
    var log: String { process.errors }

    func send(_ signal: Int32) throws {
        guard let pid, kill(pid, signal) == 0 else { throw TestingError("there is no process to send \(signal)") }
    }

    /// Stops the program, and then the manager.
    func stop() async throws -> ExitStatus {
        process.send(SIGTERM)
        return try await process.waitForExit()
    }
}
