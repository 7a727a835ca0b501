import Foundation
import GatewayTesting

/// Runs of `.build/load`, the generator that the benchmarks use as well (`Benchmarks/load`).
enum LoadProgram {
    /// What one run of it has printed at its end: figures by name.
    typealias Figures = [String: Double]

    /// The host beside this one whose cable can be pulled (`scripts/endure`).
    static let farHost = "far"

    static func start(_ words: [String], on host: String? = nil) throws -> ChildProcess {
        let launcher = host.map { ["/usr/bin/nsenter", "--net=/run/netns/\($0)", "--"] } ?? []
        let command = launcher + ["\(ToolBox.packageRoot)/.build/load"] + words
        return try ChildProcess(command[0], Array(command.dropFirst()))
    }

    /// Starts one that says "open" once all its connections are there, and waits for that.
    static func holding(_ words: [String], on host: String? = nil) async throws -> ChildProcess {
        let process = try start(words, on: host)
        try await process.waitForText("open", within: .seconds(300))
        return process
    }

    /// Waits for its end, which must be success, and reads what it printed.
    static func figures(of process: ChildProcess, within limit: Duration = .seconds(3600)) async throws -> Figures {
        let status = try await process.waitForExit(within: limit)
        guard status == .code(0) else { throw TestingError("load ended with \(status): \(process.errors)") }
        let text = process.output.split(separator: "\n").last { $0.hasPrefix("{") } ?? ""
        return try JSONDecoder().decode(Figures.self, from: Data(text.utf8))
    }

    /// Tells it to stop, and reads what it printed.
    static func stop(_ process: ChildProcess) async throws -> Figures {
        process.send(SIGTERM)
        return try await figures(of: process, within: .seconds(60))
    }
}
