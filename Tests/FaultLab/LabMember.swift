import GatewayTesting
import Glibc
import Synchronization

/// One real etcd member on a host of the lab.
final class LabMember: Sendable {
    /// Where clients, and other members, find every member.
    static let clientPort: UInt16 = 2379
    static let peerPort: UInt16 = 2380

    let name: String
    let host: LabHost

    private let arguments: [String]
    private let folder: TemporaryFolder
    private let process = Mutex<ChildProcess?>(nil)

    /// - Parameters:
    ///   - initialCluster: all members of the cluster that it founds or joins, this one included.
    ///   - isFounder: whether the cluster is new.
    ///   - tlsFlags: what makes it serve clients with TLS; without it does not.
    init(name: String, on host: LabHost, initialCluster: String, isFounder: Bool, tlsFlags: [String]) throws {
        self.name = name
        self.host = host
        folder = try TemporaryFolder()
        let clientURL = "\(tlsFlags.isEmpty ? "http" : "https")://\(host.address):\(Self.clientPort)"
        let peerURL = Self.peerURL(of: host)
        arguments =
            [
                "--name=\(name)", "--data-dir=\(folder.path(of: "data"))",
                "--listen-client-urls=\(clientURL)", "--advertise-client-urls=\(clientURL)",
                "--listen-peer-urls=\(peerURL)", "--initial-advertise-peer-urls=\(peerURL)",
                "--initial-cluster=\(initialCluster)", "--initial-cluster-state=\(isFounder ? "new" : "existing")",
                // Members are exchanged here faster than etcd's caution would have it.
                "--strict-reconfig-check=false",
                // etcd's default since 3.5: without it a member that hears too little disturbs the leader of all the others.
                "--pre-vote",
                "--logger=zap", "--log-outputs=stderr", "--log-level=warn",
            ] + tlsFlags
    }

    /// Where members talk to the member on `host`.
    static func peerURL(of host: LabHost) -> String { "http://\(host.address):\(peerPort)" }

    /// Where it serves clients, as "address:port".
    var address: String { "\(host.address):\(Self.clientPort)" }
    /// What it has logged since it was started.
    var log: String { process.withLock { $0?.errors ?? "" } }
    /// Whether its process exists.
    var isRunning: Bool { process.withLock { $0?.isRunning ?? false } }

    /// Starts it, with its data if it ran before.
    func start() throws {
        let command = try host.launcher + [ToolBox.tool("etcd")] + arguments
        let child = try ChildProcess(command[0], Array(command.dropFirst()), environment: Self.environment)
        process.withLock { $0 = child }
    }

    /// SIGKILL: its ports are closed when this returns.
    func kill() async throws {
        try await process.withLock { $0 }?.kill()
    }

    /// SIGSTOP: connections are still accepted by the kernel, and nothing is answered.
    func freeze() {
        process.withLock { $0 }?.send(SIGSTOP)
    }

    /// SIGCONT: ends `freeze`.
    func thaw() {
        process.withLock { $0 }?.send(SIGCONT)
    }

    private static var environment: [String: String] {
        #if arch(arm64)
            ["ETCD_UNSUPPORTED_ARCH": "arm64"]
        #else
            [:]
        #endif
    }
}
