import Foundation
import GatewayTesting

/// A peer that runs and forwards to a sink.
final class RunningPeer: Sendable {
    let peer: Peer
    /// Where the load generator finds it, "127.0.0.1:port".
    let address: String
    /// `nil` where there is no process between the generator and the sink.
    let group: ProcessGroup?
    private let process: ChildProcess?

    /// Starts it, and waits until a connection is accepted.
    init(_ peer: Peer, to upstream: Upstream, on processors: Processors, folder: TemporaryFolder) async throws {
        self.peer = peer
        let port = try FreePort.next()
        guard let launch = try peer.launch(port: port, upstream: upstream, folder: folder) else {
            (address, group, process) = (upstream.text, nil, nil)
            return
        }
        address = "127.0.0.1:\(port)"
        let command = processors.proxy.command(launch.program, launch.arguments)
        let process = try ChildProcess(command.program, command.arguments, environment: launch.environment)
        self.process = process
        group = ProcessGroup(leader: process.pid)
        try await eventually("\(peer.name) listens; it said: \(process.errors)", every: .milliseconds(5)) {
            guard process.isRunning else { throw TestingError("\(peer.name) ended: \(process.errors)") }
            return (try? ClientConnection(to: "127.0.0.1:\(port)", within: .seconds(1))) != nil
        }
    }

    /// CPU seconds used so far.
    func cpuSeconds() throws -> Double { try group?.cpuSeconds() ?? 0 }

    /// Kills it.
    func end() async throws { try await process?.kill() }
}
