import Glibc
import Synchronization

/// One real etcd member, on an address of its own, that can be killed, frozen, and started again with its data.
public final class EtcdMember: Sendable {
    /// What it needs to know to become a member.
    struct Settings: Sendable {
        let name: String
        let address: String
        let clientPort: UInt16
        let peerPort: UInt16
        let dataFolder: String
        let initialCluster: String
        let isInitialClusterNew: Bool
        let clientScheme: String
        let flags: [String]
    }

    private let settings: Settings
    private let etcd: String
    private let process = Mutex<ChildProcess?>(nil)

    init(_ settings: Settings) throws {
        self.settings = settings
        etcd = try ToolBox.tool("etcd")
    }

    /// Its name in the cluster.
    public var name: String { settings.name }
    /// Its IP address, which no other member has.
    public var host: String { settings.address }
    /// Where it serves clients, as "address:port".
    public var address: String { "\(settings.address):\(settings.clientPort)" }
    /// Whether its process exists (a frozen one does).
    public var isRunning: Bool { process.withLock { $0?.isRunning ?? false } }

    /// Starts it, with the data that it has if it ran before; does not wait until it is healthy.
    public func start() throws {
        let child = try ChildProcess(etcd, arguments, environment: environment)
        process.withLock { $0 = child }
    }

    /// SIGKILL: its ports are closed when this returns.
    public func kill() async throws {
        try await process.withLock { $0 }?.kill()
    }

    /// Kills it if it runs, for it is not needed any more.
    func end() {
        process.withLock { $0 = nil }
    }

    /// SIGTERM, as `systemctl stop` does it; returns when it has ended.
    public func stop() async throws {
        let child = process.withLock { $0 }
        child?.send(SIGTERM)
        _ = try await child?.waitForExit()
    }

    /// SIGSTOP: connections are still accepted by the kernel, and nothing is answered.
    public func freeze() {
        process.withLock { $0 }?.send(SIGSTOP)
    }

    /// SIGCONT: ends `freeze`.
    public func thaw() {
        process.withLock { $0 }?.send(SIGCONT)
    }

    /// What it has logged since it was started.
    public var log: String { process.withLock { $0?.errors ?? "" } }

    private var arguments: [String] {
        let clientURL = "\(settings.clientScheme)://\(address)"
        let peerURL = "http://\(settings.address):\(settings.peerPort)"
        return [
            "--name=\(settings.name)", "--data-dir=\(settings.dataFolder)",
            "--listen-client-urls=\(clientURL)", "--advertise-client-urls=\(clientURL)",
            "--listen-peer-urls=\(peerURL)", "--initial-advertise-peer-urls=\(peerURL)",
            "--initial-cluster=\(settings.initialCluster)",
            "--initial-cluster-state=\(settings.isInitialClusterNew ? "new" : "existing")",
            "--logger=zap", "--log-outputs=stderr", "--log-level=warn",
        ] + settings.flags
    }

    private var environment: [String: String] {
        #if arch(arm64)
            ["ETCD_UNSUPPORTED_ARCH": "arm64"]
        #else
            [:]
        #endif
    }
}
