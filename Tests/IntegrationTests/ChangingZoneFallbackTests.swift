import GatewayTesting
import Testing

extension RealComponents.ChangingZoneTests {
    private static let usingConfigured = "the configured endpoints serve"

    @Test func staticEndpoints_serveWhileDiscoveryHasNothing_andNoLongerWhenItHas() async throws {
        let members = Array(try LoneMembers.all()[..<2])
        let dns = try ScriptedNameServer(.nameError)
        let gateway = try await GatewayProcess.ready([
            "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--endpoints=\(members[0].address)",
            "--max-ttl=2s",
        ])
        let requests = RequestLoop(PlainRequest(at: gateway.address), clients: 1, pause: .milliseconds(50))
        try await eventually("the log says who serves: \(gateway.process.errors)") {
            gateway.lines(with: Self.usingConfigured) == 1
        }
        let shares = { try await OpenSessions(2, through: gateway, among: members.map(\.address)).byMember }
        #expect(try await shares() == [members[0].address: 2])

        dns.behaviour = .answer(Listing.of(members[1...]).flatMap(\.absoluteRecords))
        try await eventually("discovery wins: \(gateway.process.errors)") {
            try await shares() == [members[1].address: 2]
        }
        // Once it had something, what it said last holds.
        let asked = dns.queries.count
        dns.behaviour = .nameError
        try await eventually("it is asked again") { dns.queries.count > asked + 8 }
        #expect(try await shares() == [members[1].address: 2])
        #expect(gateway.lines(with: Self.usingConfigured) == 1)
        #expect(try await requests.stop().compactMap(\.failure) == [])
    }

    @Test(arguments: [ScriptedNameServer.Behaviour.serverFailure, .noData, .silence])
    func staticEndpoints_serveWhateverDiscoverySuffersFrom(way: ScriptedNameServer.Behaviour) async throws {
        let member = try LoneMembers.all()[0]
        let dns = try ScriptedNameServer(way)
        let gateway = try await GatewayProcess.ready([
            "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--endpoints=\(member.address)",
        ])
        let outcome = await PlainRequest(at: gateway.address).run()
        #expect(outcome.failure == nil, "\(gateway.log)")
        #expect(gateway.lines(with: Self.usingConfigured) == 1)
    }

    @Test func defaultEndpoint_isNoFallbackOfDiscovery() async throws {
        let dns = try ScriptedNameServer(.nameError)
        let gateway = try await GatewayProcess.ready([
            "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--hold-timeout=1s",
        ])
        #expect(!(await PlainRequest(at: gateway.address).run().isSuccess))
        #expect(gateway.lines(with: "127.0.0.1:2379") == 0, "\(gateway.log)")
        #expect(gateway.lines(with: Self.usingConfigured) == 0)
        #expect(gateway.lines(with: "DNS gives no usable answer", "no records") >= 1, "\(gateway.log)")
    }
}
