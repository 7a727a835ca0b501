import Foundation
import Synchronization

/// A program that a test runs: its output is kept in memory, it can be signalled by its number, and it is killed and
/// reaped when the last user lets go.
///
/// Nothing outlives the tests: the child gets SIGKILL from the kernel when the test process ends in whatever way
/// (`setpriv --pdeathsig`), and it leads a process group of its own, so that its children are killed with it.
public final class ChildProcess: Sendable {
    /// The program's path, for messages.
    public let program: String
    /// The process number; the program is this very process (`setpriv` replaces itself with it).
    public let pid: pid_t

    private let watcher: ChildWatcher

    /// Starts `program`.
    ///
    /// - Parameters:
    ///   - environment: added to a small fixed one; nothing is inherited, so that a setting of the person who runs the
    ///     tests cannot change their outcome.
    ///   - input: a file that is the program's standard input; nothing by default.
    public init(
        _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], input: String = "/dev/null"
    ) throws {
        self.program = program
        let output = try PipeEnds()
        let errors = try PipeEnds()
        let exit = try PipeEnds()
        var variables = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"]
        variables.merge(environment) { _, new in new }
        let spawn = Spawn(
            arguments: ["/usr/bin/setpriv", "--pdeathsig", "KILL", program] + arguments,
            environment: variables.map { "\($0.key)=\($0.value)" },
            input: input, output: output.writing, errors: errors.writing)
        let result = SpawningThread.shared.run(spawn.callAsFunction)
        close(output.writing)
        close(errors.writing)
        guard result.error == 0 else {
            for descriptor in [output.reading, errors.reading, exit.reading, exit.writing] {
                close(descriptor)
            }
            throw TestingError("cannot start \(program): \(String(cString: strerror(result.error)))")
        }
        pid = result.pid
        watcher = ChildWatcher(pid: result.pid, output: output.reading, errors: errors.reading, exit: exit)
        watcher.start()
    }

    deinit {
        watcher.killGroup()
        watcher.waitUntilReaped()
    }

    /// All that it has written to standard output so far.
    public var output: String { watcher.state.withLock { String(decoding: $0.output, as: UTF8.self) } }

    /// All that it has written to standard error so far.
    public var errors: String { watcher.state.withLock { String(decoding: $0.errors, as: UTF8.self) } }

    /// How it ended, nil while it runs.
    public var exitStatus: ExitStatus? { watcher.state.withLock { $0.exitStatus } }

    /// Whether it has not ended yet (a stopped process runs).
    public var isRunning: Bool { exitStatus == nil }

    /// Sends a signal to this process alone; does nothing when it has ended.
    public func send(_ signal: Int32) {
        watcher.send(signal)
    }

    /// Kills the process and its children, and returns when it is gone.
    public func kill() async throws {
        watcher.killGroup()
        _ = try await waitForExit()
    }

    /// Waits until standard output or standard error contain `text`, and fails at once when the program ends without.
    public func waitForText(_ text: String, within limit: Duration = .seconds(30)) async throws {
        try await eventually("\(name) says '\(text)'; it said: \(tail)", within: limit) {
            let hasEnded = !isRunning
            if output.contains(text) || errors.contains(text) { return true }
            if hasEnded {
                throw TestingError("\(name) ended before it said '\(text)': \(tail)")
            }
            return false
        }
    }

    /// Waits until it has ended and says how.
    public func waitForExit(within limit: Duration = .seconds(30)) async throws -> ExitStatus {
        try await eventually("\(name) ends; it said: \(tail)", within: limit, every: .milliseconds(5)) { !isRunning }
        guard let exitStatus else { preconditionFailure("it has ended, and an exit status stays") }
        return exitStatus
    }

    private var name: String { (program as NSString).lastPathComponent }

    /// The end of what it said, for messages.
    private var tail: String {
        let text = output + errors
        return text.isEmpty ? "(nothing)" : String(text.suffix(2_000))
    }
}
