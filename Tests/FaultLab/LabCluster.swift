import Foundation
import GatewayTesting
import Synchronization

/// A real etcd cluster on hosts of the lab; it survives faults that can be undone, and its members can be replaced.
final class LabCluster: Sendable {
    enum Security: String, CaseIterable, Sendable {
        /// No encryption: everybody can read a member's health.
        case plain
        /// TLS, and members want a client's certificate, which the proxy does not have.
        case tls
        /// The same, and the proxy may show a certificate when it asks for a member's health.
        case tlsWithHealthCertificate = "tls+cert"
    }

    /// A client's certificate as files.
    struct Credentials: Sendable {
        let authority: String
        let identity: CertificateAuthority.Identity
    }

    let security: Security
    let hosts: [LabHost]
    /// How clients connect; nil where there is no TLS.
    let tls: TLSClient?
    /// The same for programs.
    let credentials: Credentials?

    private let authority: CertificateAuthority?
    private let tlsFlags: [String]
    private let state: Mutex<State>

    private struct State {
        var members: [LabMember]
        /// Members that were ever made, for their names.
        var made: Int
    }

    /// Starts three members on the first three of `hosts`, and waits until each is healthy.
    init(_ security: Security, on hosts: [LabHost]) async throws {
        self.security = security
        self.hosts = hosts
        switch security {
        case .plain:
            (authority, tls, credentials, tlsFlags) = (nil, nil, nil, [])
        case .tls, .tlsWithHealthCertificate:
            let authority = try await CertificateAuthority()
            // The address of the proxy is among the names, as its manual tells those who use TLS.
            let server = try await authority.identity(
                "member", hosts: hosts.map(\.address) + ["127.0.0.1", "localhost"])
            let client = try await authority.identity("client", hosts: [])
            self.authority = authority
            tls = try TLSClient(authority: authority.certificate, certificate: client.certificate, key: client.key)
            credentials = Credentials(authority: authority.certificate, identity: client)
            tlsFlags = [
                "--client-cert-auth", "--trusted-ca-file=\(authority.certificate)",
                "--cert-file=\(server.certificate)", "--key-file=\(server.key)",
            ]
        }
        let founders = hosts.prefix(3)
        let initialCluster = founders.enumerated().map { "infra\($0)=\(LabMember.peerURL(of: $1))" }
        let members = try founders.enumerated().map { [tlsFlags] number, host in
            try LabMember(
                name: "infra\(number)", on: host, initialCluster: initialCluster.joined(separator: ","),
                isFounder: true, tlsFlags: tlsFlags)
        }
        state = Mutex(State(members: members, made: members.count))
        for member in members {
            try member.start()
        }
        try await waitUntilHealthy()
    }

    /// The members that vote.
    var members: [LabMember] { state.withLock { $0.members } }
    /// Waits until each member answers a linearizable read, which takes a leader and a majority, and all agree on one
    /// leader.
    func waitUntilHealthy(within limit: Duration = .seconds(60)) async throws {
        for member in members {
            try await waitUntilHealthy(member, within: limit)
        }
        try await eventually("all members know one leader", within: limit, every: .milliseconds(100)) {
            var leaders: Set<String> = []
            for member in members {
                leaders.insert((try? await status(of: member))?.leader ?? "nobody")
            }
            return leaders.count == 1 && !leaders.contains("nobody")
        }
    }

    /// Waits until `member` answers a linearizable read.
    func waitUntilHealthy(_ member: LabMember, within limit: Duration = .seconds(60)) async throws {
        try await eventually(
            "\(member.name) is healthy; its log ends: \(member.log.suffix(1_000))", within: limit,
            every: .milliseconds(100)
        ) {
            guard member.isRunning else { throw TestingError("\(member.name) ended: \(member.log.suffix(2_000))") }
            let answer = try? await ask(member, "/v3/kv/range", #"{"key":"bGFi"}"#)
            return answer?.status == 200
        }
    }

    // MARK: - what members say and do

    /// The number by which etcd knows `member`.
    func number(of member: LabMember) async throws -> UInt64 {
        let number = try await UInt64(status(of: member).header.member)
        guard let number else { throw TestingError("\(member.name) does not say its number") }
        return number
    }

    /// The member with this number.
    func member(numbered number: UInt64) async throws -> LabMember {
        for member in members where try await self.number(of: member) == number {
            return member
        }
        throw TestingError("no member has the number \(number)")
    }

    /// Gives the leadership to another member when `member` has it. An election is etcd's own gap, and no proxy's.
    func moveLeadership(awayFrom member: LabMember) async throws {
        let status = try await status(of: member)
        guard status.leader == status.header.member else { return }
        guard let heir = members.first(where: { $0 !== member }) else { return }
        let target = try await number(of: heir)
        let answer = try await ask(member, "/v3/maintenance/transfer-leadership", #"{"targetID":"\#(target)"}"#)
        guard answer.status == 200 else { throw TestingError("leadership stays: \(answer.body)") }
        try await waitUntilHealthy()
    }

    /// Raises or ends the alarm that a full database raises.
    func setSpaceAlarm(isRaised: Bool) async throws {
        let action = isRaised ? "ACTIVATE" : "DEACTIVATE"
        let number = try await number(of: members[0])
        let answer = try await ask(
            members[0], "/v3/maintenance/alarm",
            #"{"action":"\#(action)","memberID":"\#(number)","alarm":"NOSPACE"}"#)
        guard answer.status == 200 else { throw TestingError("alarm: \(answer.body)") }
    }

    // MARK: - members that come and go

    /// Adds a member on a spare host, and waits until it answers (a learner answers no reads: until it serves).
    ///
    /// - Parameter vanished: hosts that cannot be used.
    func add(isLearner: Bool = false, avoiding vanished: Set<LabHost> = []) async throws -> LabMember {
        let used = vanished.union(members.map(\.host))
        guard let host = hosts.first(where: { !used.contains($0) }) else {
            throw TestingError("no host is left for another member")
        }
        let answer = try await ask(
            survivor(), "/v3/cluster/member/add",
            #"{"peerURLs":["\#(LabMember.peerURL(of: host))"],"isLearner":\#(isLearner)}"#, within: .seconds(10))
        guard answer.status == 200 else { throw TestingError("member add: \(answer.body)") }
        let name = state.withLock { state in
            defer { state.made += 1 }
            return "infra\(state.made)"
        }
        let everybody = members.map { ($0.name, $0.host) } + [(name, host)]
        let member = try LabMember(
            name: name, on: host,
            initialCluster: everybody.map { "\($0)=\(LabMember.peerURL(of: $1))" }.joined(separator: ","),
            isFounder: false, tlsFlags: tlsFlags)
        try member.start()
        if isLearner {
            try await eventually("\(name) serves; its log ends: \(member.log.suffix(1_000))") {
                (try? await status(of: member))?.isLearner ?? false
            }
        } else {
            try await waitUntilHealthy(member)
            state.withLock { $0.members.append(member) }
        }
        return member
    }

    /// Strikes the member numbered `number` off the list of members.
    func remove(_ member: LabMember, numbered number: UInt64) async throws {
        state.withLock { state in state.members.removeAll { $0 === member } }
        let answer = try await ask(
            survivor(), "/v3/cluster/member/remove", #"{"ID":"\#(number)"}"#, within: .seconds(10))
        guard answer.status == 200 else { throw TestingError("member remove: \(answer.body)") }
    }

    private func survivor() throws -> LabMember {
        guard let member = members.first(where: \.isRunning) else { throw TestingError("no member runs") }
        return member
    }

    // MARK: - questions

    private struct Status: Decodable {
        struct Header: Decodable {
            let member: String

            enum CodingKeys: String, CodingKey {
                case member = "member_id"
            }
        }

        let header: Header
        let leader: String?
        let isLearner: Bool?
    }

    private func status(of member: LabMember) async throws -> Status {
        let answer = try await ask(member, "/v3/maintenance/status", "{}")
        return try JSONDecoder().decode(Status.self, from: Data(answer.body.utf8))
    }

    private func ask(
        _ member: LabMember, _ path: String, _ json: String, within limit: Duration = .seconds(2)
    ) async throws -> HTTPAnswer {
        try await EtcdRequest.ask(member.address, tls: tls, path, json, within: limit)
    }
}
