import GatewayTesting

/// What stands between clients and members.
enum ProxyKind: String, CaseIterable, Sendable {
    /// Ours.
    case gateway = "etcd-gateway"
    /// The one that is part of etcd.
    case etcdGateway = "etcd gateway"
    /// HAProxy with the best health checks that it has for etcd.
    case haproxy = "HAProxy"

    /// The policies that it can be asked for.
    var policies: [String] {
        switch self {
        case .gateway: ["pinned", "round-robin"]
        case .etcdGateway: ["round-robin"]
        case .haproxy: ["pinned", "round-robin"]
        }
    }
}

/// A proxy that runs.
final class Proxy: Sendable {
    /// Where clients find it: the port that `etcd gateway` has by default.
    static let address = "127.0.0.1:23790"

    let kind: ProxyKind
    private let process: ChildProcess
    private let folder: TemporaryFolder

    /// Starts a proxy and waits until it is ready.
    ///
    /// - Parameters:
    ///   - endpoints: "address:port" or "name:port" of each member.
    ///   - program: the path of our gateway, for that kind.
    ///   - flags: more flags for it.
    init(
        _ kind: ProxyKind, policy: String, endpoints: [String], credentials: LabCluster.Credentials?, program: String,
        flags: [String]
    ) async throws {
        self.kind = kind
        folder = try TemporaryFolder()
        let list = "--endpoints=\(endpoints.joined(separator: ","))"
        switch kind {
        case .gateway:
            process = try ChildProcess(
                program,
                ["start", list, "--listen-addr=\(Self.address)", "--policy=\(policy)", "--state-dir=\(folder.path)"]
                    + flags)
        case .etcdGateway:
            process = try ChildProcess(
                ToolBox.tool("etcd"), ["gateway", "start", list, "--listen-addr=\(Self.address)"])
        case .haproxy:
            let configuration = HAProxyConfiguration(
                policy: policy, endpoints: endpoints, credentials: credentials, folder: folder)
            process = try ChildProcess(
                ToolBox.tool("haproxy"), ["-db", "-f", folder.write(configuration.text(), to: "haproxy.cfg")])
        }
        try await waitUntilReady()
    }

    /// All that it has said.
    var log: String { process.errors + process.output }
    /// Whether it has not ended by itself.
    var isRunning: Bool { process.isRunning }

    /// How often our gateway's log says that it took the endpoint "address:port" out; nil for others.
    func evictions(of endpoint: String) -> Int? {
        guard kind == .gateway else { return nil }
        return log.split(separator: "\n").count { $0.contains("deactivated endpoint") && $0.contains(endpoint) }
    }

    /// Kills it.
    func end() async throws {
        try await process.kill()
    }

    private func waitUntilReady() async throws {
        guard kind == .haproxy else {
            return try await process.waitForText("ready to proxy client requests")
        }
        try await eventually("HAProxy listens; it said: \(log)") {
            guard process.isRunning else { throw TestingError("HAProxy ended: \(log)") }
            return (try? ClientConnection(to: Self.address, within: .seconds(1))) != nil
        }
    }
}
