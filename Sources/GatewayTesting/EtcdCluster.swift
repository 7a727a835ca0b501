import Foundation
import Synchronization

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

    /// The members, infra0 first; those that were added come last.
    public var members: [EtcdMember] { state.withLock { $0.members } }
    /// What a client presents; nil where there is no TLS.
    public let credentials: Etcdctl.Credentials?

    /// What members have in common.
    private struct Common {
        var clientPort: UInt16
        var peerPort: UInt16
        var clientScheme: String
        var flags: [String]
    }

    private struct State {
        var members: [EtcdMember] = []
        /// Counts those that have left as well: no address and no name is used twice.
        var started = 0
    }

    private let folder: TemporaryFolder
    private let authority: CertificateAuthority?
    private let subnet: LoopbackSubnet
    private let common: Common
    private let state = Mutex(State())

    /// The domain that the certificates of members name, beside their addresses.
    public static let certifiedDomain = "verified.test"

    /// Starts a cluster and waits until each member is healthy.
    ///
    /// - Parameters:
    ///   - size: how many members.
    ///   - clientPort: the port on which they all serve clients, each on its own address.
    ///   - flags: what each member is told beside that.
    ///   - subnet: where their addresses are; one with addresses that nobody else has by default.
    public init(
        size: Int = 3, security: Security = .plain, clientPort: UInt16 = 2379, peerPort: UInt16 = 2380,
        flags: [String] = [],
        subnet: LoopbackSubnet = LoopbackSubnet()
    ) async throws {
        self.subnet = subnet
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
            let server = try await authority.identity(
                "member", hosts: hosts + ["127.0.0.1", "localhost", Self.certifiedDomain])
            let client = try await authority.identity("client", hosts: [])
            tlsFlags = [
                "--client-cert-auth", "--trusted-ca-file=\(authority.certificate)",
                "--cert-file=\(server.certificate)", "--key-file=\(server.key)",
            ]
            self.authority = authority
            credentials = Etcdctl.Credentials(authority: authority.certificate, identity: client)
        }
        common = Common(
            clientPort: clientPort, peerPort: peerPort, clientScheme: security == .tls ? "https" : "http",
            flags: tlsFlags + flags)

        let names = (0..<size).map { "infra\($0)" }
        let founders = zip(names, hosts).map { "\($0)=http://\($1):\(peerPort)" }.joined(separator: ",")
        let members = try zip(names, hosts).map { try makeMember(name: $0, host: $1, cluster: founders, isNew: true) }
        state.withLock { $0 = State(members: members, started: size) }
        for member in members {
            try member.start()
        }
        for member in members {
            try await waitUntilHealthy(member)
        }
    }

    deinit {
        // Before the folder goes, into which they write, and whoever still holds a member.
        for member in members {
            member.end()
        }
    }

    private func makeMember(name: String, host: String, cluster: String, isNew: Bool) throws -> EtcdMember {
        try EtcdMember(
            EtcdMember.Settings(
                name: name, address: host, clientPort: common.clientPort, peerPort: common.peerPort,
                dataFolder: folder.path(of: name), initialCluster: cluster, isInitialClusterNew: isNew,
                clientScheme: common.clientScheme, flags: common.flags))
    }

    /// Lets another member join, on an address that none has had, and waits until it is healthy.
    ///
    /// A cluster without TLS: certificates are made for the first members' addresses only.
    public func addMember() async throws -> EtcdMember {
        let member = try await startAnother(flags: [])
        try await waitUntilHealthy(member)
        return member
    }

    /// The same with a member that does not vote; returns when it has caught up and could be promoted.
    public func addLearner() async throws -> EtcdMember {
        let learner = try await startAnother(flags: ["--learner"])
        let client = try etcdctl(learner.address)
        try await eventually("the learner has caught up; its log ends: \(learner.log.suffix(1_000))") {
            // "127.20.30.4:2379, 8e9e05c52164694d, 3.4.23, 20 kB, false, true, …": neither leader, nor voter
            try await client.run(["endpoint", "status"]).output.contains(", false, true, ")
        }
        return learner
    }

    private func startAnother(flags: [String]) async throws -> EtcdMember {
        let (members, number) = state.withLock { ($0.members, $0.started) }
        let (name, host) = ("infra\(number)", subnet.address(number + 1))
        let url = "http://\(host):\(common.peerPort)"
        let client = try etcdctl(members[0].address)
        // Refused while the members have not been connected to each other for five seconds.
        try await eventually("\(name) may join", every: .milliseconds(200)) {
            try await client.run(["member", "add", name, "--peer-urls=\(url)"] + flags).isSuccess
        }
        let all = members.map { "\($0.name)=http://\($0.host):\(common.peerPort)" } + ["\(name)=\(url)"]
        let member = try makeMember(name: name, host: host, cluster: all.joined(separator: ","), isNew: false)
        try member.start()
        state.withLock { state in
            state.members.append(member)
            state.started += 1
        }
        return member
    }

    /// Lets a member leave the cluster, and stops it.
    public func removeMember(_ member: EtcdMember) async throws {
        let others = members.filter { $0 !== member }
        let client = try etcdctl(others[others.count - 1].address)
        let list = try await client("member", "list")
        // "8211f1d0f64f3269, started, infra1, http://127.0.0.1:2380, …"
        let line = list.split(separator: "\n").first { $0.contains(", \(member.name), ") }
        guard let number = line?.prefix(while: { $0 != "," }) else {
            throw TestingError("\(member.name) is no member: \(list)")
        }
        try await eventually("\(member.name) may leave", every: .milliseconds(200)) {
            try await client.run(["member", "remove", String(number)]).isSuccess
        }
        try await member.stop()
        state.withLock { $0.members = others }
    }

    /// The members' addresses in the form of `--endpoints`.
    public var endpoints: String { members.map(\.address).joined(separator: ",") }

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

    /// Sees to it that another member than this one leads.
    ///
    /// While a cluster has no leader, etcd itself ends the watches of clients that ask for one, as etcdctl does: a test
    /// of what the gateway does for a watch must not kill the leader.
    public func letAnotherMemberLead(than member: EtcdMember) async throws {
        let client = try etcdctl(member.address)
        guard try await status(of: member).isLeader else { return }
        guard let other = members.first(where: { $0 !== member && $0.isRunning }) else {
            throw TestingError("\(member.name) is the only one that runs")
        }
        try await client("move-leader", status(of: other).number)
        try await eventually("another member than \(member.name) leads") { try await !status(of: member).isLeader }
    }

    /// What `etcdctl endpoint status` says in its second and fifth column.
    private func status(of member: EtcdMember) async throws -> (number: String, isLeader: Bool) {
        let columns = try await etcdctl(member.address)("endpoint", "status").components(separatedBy: ", ")
        guard columns.count > 4 else { throw TestingError("etcdctl endpoint status gave \(columns)") }
        return (columns[1], columns[4] == "true")
    }
}
