import GatewayTesting

/// The load program's answering side.
final class Sink: Sendable {
    let port: UInt16
    private let process: ChildProcess

    init(_ load: Load, on processors: Processors) async throws {
        let port = try FreePort.next()
        self.port = port
        let command = processors.sink.command(Load.program, ["serve", "\(port)"])
        process = try ChildProcess(command.program, command.arguments)
        try await eventually("the sink listens") {
            (try? ClientConnection(to: "127.0.0.1:\(port)", within: .seconds(1))) != nil
        }
    }

    /// Kills it.
    func end() async throws { try await process.kill() }
}
