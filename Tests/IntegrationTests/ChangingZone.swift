import GatewayTesting
import Testing

/// What a zone says of one member at a time.
struct Listing {
    static let service = "_etcd-client._tcp"

    var name: String
    var host: String
    var port: UInt16 = 2379
    var priority: UInt16 = 0
    var weight: UInt16 = 0

    /// Each member as it is, by the name "host" and its place.
    static func of(_ members: some Sequence<EtcdMember>) -> [Listing] {
        members.enumerated().map { Listing(name: "host\($0)", host: $1.host) }
    }

    var address: String { "\(host):\(port)" }

    /// The records for a zone file, which hold for a second.
    var records: [ZoneRecord] { records(name: name, service: Self.service, ttl: 1) }

    /// The same with names in full, for the scripted name server.
    var absoluteRecords: [ZoneRecord] { absoluteRecords(ttl: 1) }

    func absoluteRecords(ttl: UInt32, domain: String = "example.com") -> [ZoneRecord] {
        records(name: "\(name).\(domain)", service: "\(Self.service).\(domain)", ttl: ttl)
    }

    private func records(name: String, service: String, ttl: UInt32) -> [ZoneRecord] {
        [
            .a(name, host, ttl: ttl),
            .srv(service: service, priority: priority, weight: weight, port: port, target: name, ttl: ttl),
        ]
    }
}

/// A gateway, the zone that it follows, and a client that asks through it without a pause, each time on a new connection.
struct ChangingZone {
    let dns: NameServer
    let gateway: GatewayProcess
    let requests: RequestLoop
    /// Every address that a member may be led to.
    private let candidates: [String]

    /// Starts all three, and waits until the gateway is ready.
    init(_ listings: [Listing], among members: [EtcdMember], _ flags: String...) async throws {
        dns = try await NameServer(zone: "example.com", records: listings.flatMap(\.records))
        gateway = try await GatewayProcess.ready(
            ["--discovery-srv=example.com", "--dns-server=\(dns.address)", "--removed-endpoint-grace=2s"] + flags)
        requests = RequestLoop(PlainRequest(at: gateway.address), clients: 1, pause: .milliseconds(20))
        candidates = members.map(\.address)
    }

    /// Lets the zone say this from now on.
    func say(_ listings: [Listing]) async throws {
        try await dns.update(listings.flatMap(\.records))
    }

    /// Ends the client's requests, none of which may have failed.
    func expectNoRequestFailed(_ location: SourceLocation = #_sourceLocation) async throws {
        let outcomes = try await requests.stop()
        #expect(outcomes.compactMap(\.failure) == [], "\(gateway.process.errors)", sourceLocation: location)
        #expect(outcomes.count > 10, sourceLocation: location)
    }

    /// Opens connections that members have answered.
    func open(_ count: Int) async throws -> OpenSessions {
        try await OpenSessions(count, through: gateway, among: candidates)
    }

    /// How many of so many new connections lead to each member.
    func shares(of count: Int) async throws -> [String: Int] {
        try await open(count).byMember
    }

    /// Waits until the log has a line with all of these words.
    func waitForLine(_ words: String..., within limit: Duration = .seconds(30)) async throws {
        try await eventually("the log says \(words): \(gateway.process.errors)", within: limit) {
            gateway.lines(with: words) > 0
        }
    }
}

/// Connections through a gateway, open until they are let go.
struct OpenSessions {
    let connections: [ClientConnection]
    /// How many of them lead to each member.
    let byMember: [String: Int]

    init(_ count: Int, through gateway: GatewayProcess, among candidates: [String]) async throws {
        let pid = gateway.process.pid
        let before = Set(try ProcessSockets.establishedConnections(of: pid))
        let connections = try (0..<count).map { _ in try ClientConnection(to: gateway.address) }
        // A member answers such a preface by settings of its own: then the connection leads somewhere.
        for connection in connections {
            try connection.send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0])
            guard try !connection.receive().isEmpty else { throw TestingError("closed by the gateway") }
        }
        // Other clients' connections, and probes, come and go; ours stay.
        var new: Set<ProcessSockets.Connection>?
        try await eventually("\(count) new connections to members; there are \(new ?? [])") {
            let now = Set(try ProcessSockets.establishedConnections(of: pid)).subtracting(before)
            let members = now.filter { candidates.contains($0.far) }
            new = new?.intersection(members) ?? members
            return new?.count == count
        }
        self.connections = connections
        byMember = Dictionary(grouping: new ?? [], by: \.far).mapValues(\.count)
    }

    /// How many the gateway or a member has ended.
    var ended: Int { connections.count(where: \.hasEnded) }
}

extension GatewayProcess {
    /// How many lines of the log have all of these words.
    func lines(with words: [String]) -> Int {
        log.count { line in words.allSatisfy { line.contains($0) } }
    }

    /// How many lines of the log have all of these words.
    func lines(with words: String...) -> Int {
        lines(with: words)
    }
}
