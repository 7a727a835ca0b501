import Foundation

/// The built gateway, running with the arguments of a test on a port of its own.
public final class GatewayProcess: Sendable {
    /// Where it listens, as "127.0.0.1:port".
    public let address: String
    /// The process.
    public let process: ChildProcess

    /// Starts a gateway; does not wait until it is ready.
    ///
    /// - Parameters:
    ///   - arguments: its command line, to which `--listen-addr` is added.
    ///   - address: where it is to listen; a free port of 127.0.0.1 by default.
    ///   - mounts: what it alone sees differently of the machine's files.
    public init(
        _ arguments: [String], environment: [String: String] = [:], listeningOn address: String? = nil,
        seeing mounts: PrivateMounts? = nil
    ) throws {
        let address = try address ?? "127.0.0.1:\(FreePort.next())"
        self.address = address
        // Tests look at the gateway's sockets: probes that keep their connections would be taken for sessions.
        let isChecked = arguments.contains { $0.hasPrefix("--health-check") }
        let health = isChecked ? [] : ["--health-check=tcp"]
        let command = try [ToolBox.gateway()] + arguments + health + ["--listen-addr=\(address)"]
        let wrapped = mounts?.command(command) ?? command
        process = try ChildProcess(wrapped[0], Array(wrapped.dropFirst()), environment: environment)
    }

    /// Starts a gateway and waits for its ready line.
    public static func ready(
        _ arguments: [String], environment: [String: String] = [:], seeing mounts: PrivateMounts? = nil
    ) async throws -> GatewayProcess {
        let gateway = try GatewayProcess(arguments, environment: environment, seeing: mounts)
        try await gateway.waitUntilReady()
        return gateway
    }

    /// What it says when it serves; the words are those of `etcd gateway`, for which people's scripts wait.
    public static let readyText = "ready to proxy client requests"

    /// Waits for the ready line.
    public func waitUntilReady(within limit: Duration = .seconds(30)) async throws {
        try await process.waitForText(Self.readyText, within: limit)
    }

    /// All that it has logged so far, line by line.
    public var log: [String] { process.errors.split(separator: "\n").map(String.init) }

    /// The ready line, once it was written.
    public var readyLine: String? { log.first { $0.contains(Self.readyText) } }

    /// The member addresses among `candidates` to which it has connections at this moment.
    public func upstreams(among candidates: [String]) throws -> Set<String> {
        Set(try ProcessSockets.establishedPeers(of: process.pid)).intersection(candidates)
    }

    /// SIGTERM, and how it ended.
    public func stop() async throws -> ExitStatus {
        process.send(SIGTERM)
        return try await process.waitForExit()
    }
}
