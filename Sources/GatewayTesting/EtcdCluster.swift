/// A cluster of real etcd members on this machine, each on an address of its own, gone with its data when the last user
/// lets go.
public final class EtcdCluster: Sendable {
    /// How clients talk to the members.
    public enum Security: Sendable {
        /// Without encryption.
        case plain
        /// With TLS; members ask clients for a certificate of the same authority.
        case tls
    }

    /// The members, infra0 first.
    public let members: [EtcdMember]
    /// What a client presents; nil where there is no TLS.
    public let credentials: Etcdctl.Credentials?

    private let folder: TemporaryFolder
    private let subnet: LoopbackSubnet
    private let authority: CertificateAuthority?

    /// Starts a cluster and waits until each member is healthy.
    ///
    /// - Parameters:
    ///   - size: how many members.
    ///   - clientPort: the port on which they all serve clients, each on its own address.
    ///   - flags: what each member is told beside that.
    public init(
        size: Int = 3, security: Security = .plain, clientPort: UInt16 = 2379, flags: [String] = []
    ) async throws {
        let subnet = LoopbackSubnet()
        self.subnet = subnet
        let names = (0..<size).map { "infra\($0)" }
        let hosts = (0..<size).map { subnet.address($0 + 1) }
        folder = try TemporaryFolder()

        var tlsFlags: [String] = []
        switch security {
        case .plain:
            authority = nil
            credentials = nil
        case .tls:
            let authority = try await CertificateAuthority()
            // The addresses of the gateway are among the names, as its manual tells those who use TLS.
            let server = try await authority.identity("member", hosts: hosts + ["127.0.0.1", "localhost"])
            let client = try await authority.identity("client", hosts: [])
            tlsFlags = [
                "--client-cert-auth", "--trusted-ca-file=\(authority.certificate)",
                "--cert-file=\(server.certificate)", "--key-file=\(server.key)",
            ]
            self.authority = authority
            credentials = Etcdctl.Credentials(authority: authority.certificate, identity: client)
        }

        let peerPort: UInt16 = 2380
        let initialCluster = zip(names, hosts).map { "\($0)=http://\($1):\(peerPort)" }.joined(separator: ",")
        members = try zip(names, hosts).map { [folder] name, host in
            try EtcdMember(
                EtcdMember.Settings(
                    name: name, address: host, clientPort: clientPort, peerPort: peerPort,
                    dataFolder: folder.path(of: name), initialCluster: initialCluster,
                    clientScheme: security == .tls ? "https" : "http", flags: tlsFlags + flags))
        }
        for member in members {
            try member.start()
        }
        for member in members {
            try await waitUntilHealthy(member)
        }
    }

    /// The members' addresses in the form of `--endpoints`.
    public var endpoints: String { members.map(\.address).joined(separator: ",") }

    /// Adds a member that does not vote and starts it; returns when it has caught up. It belongs to the caller, and
    /// must not outlive the cluster, whose folder it uses. For a cluster without TLS.
    public func addLearner() async throws -> EtcdMember {
        let (name, host) = ("learner", subnet.address(members.count + 1))
        let known = members[0].settings
        let peerURL = "http://\(host):\(known.peerPort)"
        try await etcdctl(members[0].address)("member", "add", name, "--learner", "--peer-urls=\(peerURL)")
        let learner = try EtcdMember(
            EtcdMember.Settings(
                name: name, address: host, clientPort: known.clientPort, peerPort: known.peerPort,
                dataFolder: folder.path(of: name), initialCluster: "\(known.initialCluster),\(name)=\(peerURL)",
                clientScheme: known.clientScheme, flags: known.flags, clusterState: "existing"))
        try learner.start()
        try await eventually("the learner knows its cluster; its log ends: \(learner.log.suffix(1_000))") {
            let status = try await etcdctl(learner.address).run(["endpoint", "status"])
            return status.isSuccess && status.output.contains("true")
        }
        return learner
    }

    /// The member that serves clients at `address` ("127.20.30.1:2379"), if any does.
    public func member(at address: String) -> EtcdMember? {
        members.first { $0.address == address }
    }

    /// A client of whatever listens at `address`, with the credentials that the members want.
    public func etcdctl(_ address: String) throws -> Etcdctl {
        try Etcdctl(address: address, credentials: credentials)
    }

    /// Waits until a member answers a linearizable read, which takes a leader and a majority.
    public func waitUntilHealthy(_ member: EtcdMember, within limit: Duration = .seconds(60)) async throws {
        let client = try etcdctl(member.address)
        try await eventually("\(member.name) is healthy; its log ends: \(member.log.suffix(1_000))", within: limit) {
            guard member.isRunning else { throw TestingError("\(member.name) ended: \(member.log.suffix(2_000))") }
            return try await client.run(["endpoint", "health", "--command-timeout=2s"]).isSuccess
        }
    }
}
