import Foundation
import GatewayTesting

/// The load program: it checks every byte count, and fails where one is wrong.
struct Load: Sendable {
    /// What it prints.
    struct Report: Codable, Sendable {
        var seconds: Double
        var done: Double
        var per_second: Double
        var gigabytes: Double
        var gigabytes_per_second: Double
        var p50_us: Double
        var p99_us: Double
        var p999_us: Double
    }

    /// Where make builds it.
    static let program = "\(ToolBox.packageRoot)/.build/load"
    /// How old connections are when counting begins: sessions are stored when they are one to one and a half seconds old.
    let settleMilliseconds = 1700
    let processors: Processors

    /// Runs it to its end.
    func run(_ arguments: [String]) async throws -> Report {
        try await report(of: start(arguments))
    }

    /// Waits for the end of one that was started, and reads what it has printed.
    func report(of process: ChildProcess) async throws -> Report {
        let exit = try await process.waitForExit(within: .seconds(120))
        guard exit == .code(0) else { throw TestingError("the load program: \(exit): \(process.errors)") }
        return try JSONDecoder().decode(Report.self, from: Data(process.output.utf8))
    }

    /// Starts it and returns at once.
    func start(_ arguments: [String]) throws -> ChildProcess {
        let command = processors.generator.command(Self.program, arguments)
        return try ChildProcess(
            command.program, command.arguments, environment: ["LOAD_SETTLE_MS": "\(settleMilliseconds)"])
    }
}
