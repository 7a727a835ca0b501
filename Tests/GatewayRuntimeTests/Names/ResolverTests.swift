import Gateway
import GatewayTesting
import Testing

@testable import GatewayRuntime

/// Against a real name server.
struct ResolverTests {
    private let service = "_etcd-client._tcp"
    private let services = Question.services("_etcd-client._tcp.example.com")

    private func answer(
        _ question: Question, _ records: [ZoneRecord], files: NameFiles? = nil
    ) async throws -> Answer {
        let server = try await NameServer(zone: "example.com", records: records)
        let files = files ?? NameFiles(hosts: "/dev/null", resolvConf: "/dev/null")
        return try await withResolver(servers: [SocketAddress(testing: server.address)], files: files) {
            resolver async throws in
            try await resolver.answer(question)
        }
    }

    @Test func services_keepPriorityWeightAndPort_andTheSmallestTTL() async throws {
        let answer = try await answer(
            services,
            [
                .srv(service: service, priority: 1, weight: 7, port: 2379, target: "infra0", ttl: 30),
                .srv(service: service, priority: 2, weight: 0, port: 12379, target: "infra1", ttl: 30),
            ])
        guard case .services(let found, let timeToLive) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(timeToLive == .seconds(30))
        #expect(
            Set(found) == [
                ServiceRecord(priority: 1, weight: 7, port: 2379, target: "infra0.example.com"),
                ServiceRecord(priority: 2, weight: 0, port: 12379, target: "infra1.example.com"),
            ])
    }

    @Test func otherServers_areAskedFromThenOn_andWhatIsUnderWayFinishes() async throws {
        let (silent, server) = (
            try ScriptedNameServer(.silence), try await NameServer(zone: "example.com", records: [.a("a", "192.0.2.1")])
        )
        try await withResolver(servers: [SocketAddress(testing: silent.address)]) { resolver async throws in
            async let old = resolver.answer(.addresses("a.example.com.", .v4))
            try await eventually("it is asked") { !silent.queries.isEmpty }
            try await resolver.use(servers: [SocketAddress(testing: server.address)])
            guard case .addresses = try await resolver.answer(.addresses("a.example.com.", .v4)) else {
                Issue.record("the new server was not asked")
                return
            }
            guard case .failed = try await old else {
                Issue.record("the old one has answered")
                return
            }
            try await eventually("the old channel is closed") { await resolver.retiringChannels == 0 }
        }
    }

    @Test func addressesOfBothFamilies() async throws {
        let records: [ZoneRecord] = [
            .a("infra0", "192.0.2.1", ttl: 17), .a("infra0", "192.0.2.2", ttl: 17),
            .aaaa("infra0", "2001:db8::1", ttl: 18),
        ]
        let four = try await answer(.addresses("infra0.example.com", .v4), records)
        guard case .addresses(let found, .seconds(17)) = four else {
            Issue.record("\(four)")
            return
        }
        #expect(Set(found) == [IPAddress("192.0.2.1"), IPAddress("192.0.2.2")])
        let six = try await answer(.addresses("infra0.example.com.", .v6), records)
        #expect(six == .addresses([try #require(IPAddress("2001:db8::1"))], timeToLive: .seconds(18)))
    }

    @Test func aliasIsFollowed_andItsTTLCounts() async throws {
        let answer = try await answer(
            .addresses("www.example.com", .v4),
            [.cname("www", target: "infra0", ttl: 5), .a("infra0", "192.0.2.1", ttl: 60)])
        #expect(answer == .addresses([try #require(IPAddress("192.0.2.1"))], timeToLive: .seconds(5)))
    }

    @Test func missingName_andMissingFamily_haveTheZonesNegativeTTL() async throws {
        let missing = try await answer(.addresses("nobody.example.com", .v4), [])
        #expect(missing == .nothing(timeToLive: .seconds(1)))
        let family = try await answer(.addresses("infra0.example.com", .v6), [.a("infra0", "192.0.2.1")])
        #expect(family == .nothing(timeToLive: .seconds(1)))
        let services = try await answer(services, [])
        #expect(services == .nothing(timeToLive: .seconds(1)))
    }

    @Test func eightyServices_arriveOverTCP() async throws {
        let records = (0..<80).map { number in
            ZoneRecord.srv(service: service, port: 2379, target: "a-member-with-a-rather-long-name-\(number)")
        }
        let answer = try await answer(services, records)
        guard case .services(let found, _) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(Set(found.map(\.target)).count == 80)
    }

    @Test func timeToLiveOfZero() async throws {
        let answer = try await answer(.addresses("infra0.example.com", .v4), [.a("infra0", "192.0.2.1", ttl: 0)])
        #expect(answer == .addresses([try #require(IPAddress("192.0.2.1"))], timeToLive: .zero))
    }

    @Test func oneOfTwoServersSilent_theOtherAnswersInTime() async throws {
        let silent = try SilentNameServer()
        let server = try await NameServer(zone: "example.com", records: [.a("infra0", "192.0.2.1")])
        let servers = [silent.address, server.address].map(SocketAddress.init(testing:))
        try await withResolver(servers: servers) { resolver async throws in
            let start = ContinuousClock.now
            let answer = try await resolver.answer(.addresses("infra0.example.com", .v4))
            #expect(answer == .addresses([try #require(IPAddress("192.0.2.1"))], timeToLive: .seconds(60)))
            #expect(ContinuousClock.now - start < .seconds(6))
        }
    }

    @Test func serverThatIsNotRunning_failsAtOnce_andServesOnceItRuns() async throws {
        let server = try await NameServer(
            zone: "example.com", records: [.a("infra0", "192.0.2.1")], isStarted: false)
        try await withResolver(servers: [SocketAddress(testing: server.address)]) { resolver async throws in
            let question = Question.addresses("infra0.example.com", .v4)
            let start = ContinuousClock.now
            #expect(try await resolver.answer(question) == .failed("no name server is reached, or they refuse or fail"))
            #expect(ContinuousClock.now - start < .seconds(5))
            try await server.start()
            #expect(
                try await resolver.answer(question)
                    == .addresses([try #require(IPAddress("192.0.2.1"))], timeToLive: .seconds(60)))
        }
    }

    @Test func fiveHundredAtOnce_areAllAnswered() async throws {
        let records = (0..<500).map { ZoneRecord.a("h\($0)", "192.0.2.\($0 % 250)") }
        let server = try await NameServer(zone: "example.com", records: records)
        let answers = try await withResolver(servers: [SocketAddress(testing: server.address)]) {
            resolver async throws in
            try await withThrowingTaskGroup(of: Answer.self) { group in
                for number in 0..<500 {
                    group.addTask { try await resolver.answer(.addresses("h\(number).example.com", .v4)) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(answers.count == 500)
        #expect(answers.allSatisfy { if case .addresses = $0 { true } else { false } })
    }

    @Test func relativeName_isSearchedAsResolvConfSays_andAnAbsoluteOneIsNot() async throws {
        let folder = try TemporaryFolder()
        let resolvConf = try folder.write("search nowhere.example.com example.com\n", to: "resolv.conf")
        let files = NameFiles(hosts: "/dev/null", resolvConf: resolvConf)
        let records = [ZoneRecord.a("infra0", "192.0.2.1")]
        let relative = try await answer(.addresses("infra0", .v4), records, files: files)
        #expect(relative == .addresses([try #require(IPAddress("192.0.2.1"))], timeToLive: .seconds(60)))
        let absolute = try await answer(.addresses("infra0.", .v4), records, files: files)
        #expect(absolute != relative)
    }
}
