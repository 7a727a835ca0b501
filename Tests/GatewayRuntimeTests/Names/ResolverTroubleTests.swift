import Gateway
import GatewayTesting
import Testing

@testable import GatewayRuntime

/// Against name servers that say what no real one says on command, and changes while questions are under way.
struct ResolverTroubleTests {
    private static let unusable = Answer.failed("no name server is reached, or they refuse or fail")

    private func name(_ number: Int) -> String { "h\(number).example.com" }

    private func records(_ count: Int) -> [ZoneRecord] { (0..<count).map { .a(name($0), "192.0.2.\($0 % 250)") } }

    private func question(_ number: Int) -> Question { .addresses(name(number), .v4) }

    private func names(_ server: ScriptedNameServer) -> Set<String> { Set(server.queries.map(\.name)) }

    private func ask(_ numbers: Range<Int>, _ resolver: Resolver) -> [Task<Answer, any Error>] {
        numbers.map { number in Task { try await resolver.answer(question(number)) } }
    }

    private func expectAddresses(_ task: Task<Answer, any Error>) async throws {
        let answer = try await task.value
        guard case .addresses = answer else { throw TestingError("no addresses but \(answer)") }
    }

    @Test(arguments: [
        (ScriptedNameServer.Behaviour.serverFailure, Self.unusable),
        (.refused, Self.unusable), (.noData, .nothing(timeToLive: nil)),
        (.nameError, .nothing(timeToLive: nil)),
        (.garbage([1, 2, 3]), .failed("Timeout while contacting DNS servers")),
        (.silence, .failed("Timeout while contacting DNS servers")),
    ])
    func whatServersSay(behaviour: ScriptedNameServer.Behaviour, expected: Answer) async throws {
        let server = try ScriptedNameServer(behaviour)
        try await withResolver(servers: [SocketAddress(testing: server.address)]) { resolver async throws in
            let start = ContinuousClock.now
            let answer = try await resolver.answer(question(0))
            #expect(answer == expected)
            #expect(ContinuousClock.now - start < .seconds(12))
        }
    }

    @Test func neverMoreThanSixtyFourAreUnderWay_andAllAreAnsweredInTheEnd() async throws {
        let server = try ScriptedNameServer(.silence)
        try await withResolver(servers: [SocketAddress(testing: server.address)]) { resolver async throws in
            let tasks = ask(0..<500, resolver)
            try await eventually("64 are asked") { names(server).count == 64 }
            #expect(await resolver.underWay == 64)
            server.behaviour = .answer(records(500))
            for task in tasks { try await expectAddresses(task) }
            #expect(names(server).count == 500)
            #expect(await resolver.underWay == 0)
        }
    }

    @Test func cancellation_touchesOnlyItsOwnQuestion() async throws {
        let server = try ScriptedNameServer(.silence)
        try await withResolver(servers: [SocketAddress(testing: server.address)]) { resolver async throws in
            let tasks = ask(0..<3, resolver)
            try await eventually("3 are asked") { names(server).count == 3 }
            let start = ContinuousClock.now
            tasks[1].cancel()
            await #expect(throws: CancellationError.self) { try await tasks[1].value }
            #expect(ContinuousClock.now - start < .seconds(3))
            server.behaviour = .answer(records(3))
            try await expectAddresses(tasks[0])
            try await expectAddresses(tasks[2])
        }
    }

    @Test func cancelledQuestionThatWaitedForItsTurn_isNeverAsked() async throws {
        let server = try ScriptedNameServer(.silence)
        try await withResolver(servers: [SocketAddress(testing: server.address)]) { resolver async throws in
            let first = ask(0..<64, resolver)
            try await eventually("64 are asked") { names(server).count == 64 }
            let (kept, cancelled) = (ask(64..<68, resolver), ask(68..<72, resolver))
            for task in cancelled { task.cancel() }
            for task in cancelled { await #expect(throws: CancellationError.self) { try await task.value } }
            server.behaviour = .answer(records(72))
            for task in first + kept { try await expectAddresses(task) }
            #expect(names(server) == Set((0..<68).map(name)))
        }
    }

    @Test func questionOfACancelledTask_throwsAndIsNeverAsked() async throws {
        let server = try ScriptedNameServer(.answer(records(1)))
        try await withResolver(servers: [SocketAddress(testing: server.address)]) { resolver async throws in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await resolver.answer(question(0))
            }
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(await resolver.underWay == 0)
        }
        #expect(server.queries.isEmpty)
    }

    @Test func answersThatComeAtOnce_malformedNames() async throws {
        let server = try ScriptedNameServer(.silence)
        let long = String(repeating: "x", count: 64) + ".example.com"
        try await withResolver(servers: [SocketAddress(testing: server.address)]) { resolver async throws in
            let tasks = (0..<300).map { _ in Task { try await resolver.answer(.addresses(long, .v4)) } }
            for task in tasks { #expect(try await task.value == .failed("Misformatted domain name")) }
            #expect(try await resolver.answer(.services("a..b")) == .failed("Misformatted domain name"))
        }
        #expect(server.queries.isEmpty)
    }

    @Test func answersThatComeAtOnce_noWayToTheServer() async throws {
        // To connect to the broadcast address is forbidden without SO_BROADCAST: the very first system call fails.
        try await withResolver(servers: [SocketAddress(testing: "255.255.255.255:53")]) { resolver async throws in
            for task in ask(0..<300, resolver) {
                #expect(try await task.value == Self.unusable)
            }
            #expect(await resolver.underWay == 0)
        }
    }

    @Test func truncatedAnswer_isAskedAgainOverTCP() async throws {
        let server = try ScriptedNameServer(.truncated(records(1)))
        try await withResolver(servers: [SocketAddress(testing: server.address)]) { resolver async throws in
            guard case .addresses = try await resolver.answer(question(0)) else { throw TestingError("no addresses") }
        }
        #expect(server.queries.map(\.isOverTCP) == [false, true])
    }

    @Test func hostsFile_answersWithoutDNS_andSettlesTheOtherFamily() async throws {
        let server = try ScriptedNameServer(.nameError)
        let folder = try TemporaryFolder()
        let hosts = try folder.write("192.0.2.9 infra0.example.com infra0\n", to: "hosts")
        let files = NameFiles(hosts: hosts, resolvConf: "/dev/null")
        try await withResolver(servers: [SocketAddress(testing: server.address)], files: files) {
            resolver async throws in
            let day = Duration.seconds(86_400)
            let known = Answer.addresses([try #require(IPAddress("192.0.2.9"))], timeToLive: day)
            #expect(try await resolver.answer(.addresses("INFRA0", .v4)) == known)
            #expect(try await resolver.answer(.addresses("infra0.example.com.", .v4)) == known)
            #expect(try await resolver.answer(.addresses("infra0", .v6)) == .nothing(timeToLive: day))
            #expect(
                try await resolver.answer(.addresses("localhost", .v6))
                    == .addresses([try #require(IPAddress("::1"))], timeToLive: day))
            #expect(await resolver.localAddress(of: "a.localhost") == IPAddress("127.0.0.1"))
            #expect(server.queries.isEmpty)
            #expect(await resolver.localAddress(of: "infra1.example.com") == nil)
        }
        #expect(!server.queries.isEmpty)
    }

    @Test(arguments: [(1, ["a.b", "a.b.example.com"]), (2, ["a.b.example.com", "a.b"])])
    func ndotsDecidesWhatIsTriedFirst(ndots: Int, order: [String]) async throws {
        let server = try ScriptedNameServer(.nameError)
        let folder = try TemporaryFolder()
        let resolvConf = try folder.write("search example.com\noptions ndots:\(ndots)\n", to: "resolv.conf")
        let files = NameFiles(hosts: "/dev/null", resolvConf: resolvConf)
        try await withResolver(servers: [SocketAddress(testing: server.address)], files: files) {
            resolver async throws in
            #expect(try await resolver.answer(.addresses("a.b", .v4)) == .nothing(timeToLive: nil))
            #expect(server.queries.map(\.name) == order)
            #expect(try await resolver.answer(.addresses("c.d.", .v4)) == .nothing(timeToLive: nil))
            #expect(server.queries.map(\.name) == order + ["c.d"])
            #expect(try await resolver.answer(.services("_e._tcp.f")) == .nothing(timeToLive: nil))
            #expect(server.queries.map(\.name) == order + ["c.d", "_e._tcp.f"])
        }
    }

    @Test func changedFiles_areObeyed_andQuestionsUnderWayFinishOnTheOldChannel() async throws {
        let server = try ScriptedNameServer(.silence)
        let folder = try TemporaryFolder()
        let files = NameFiles(
            hosts: try folder.write("", to: "hosts"),
            resolvConf: try folder.write("search one.example\n", to: "resolv.conf"))
        let changes = Recorder<Void>()
        try await withResolver(servers: [SocketAddress(testing: server.address)], files: files) {
            resolver async throws in
            try await resolver.watchFiles { changes.add(()) }
            let tasks = ask(0..<70, resolver)  // six of them wait for their turn, and get it on the new channel
            try await eventually("64 are asked") { names(server).count == 64 }
            try folder.write("search two.example\n", to: "resolv.conf")
            try await eventually("the change is seen") { changes.count == 1 }
            try folder.write("192.0.2.9 infra0\n", to: "hosts")
            try await eventually("the other change is seen") { changes.count == 2 }
            #expect(await resolver.localAddress(of: "infra0") == IPAddress("192.0.2.9"))
            #expect(await resolver.retiringChannels > 0)
            server.behaviour = .answer(records(70) + [.a("x.two.example", "192.0.2.7")])
            for task in tasks { try await expectAddresses(task) }
            #expect(await resolver.localAddress(of: "x") == IPAddress("192.0.2.7"))
            try await eventually("old channels are closed") { await resolver.retiringChannels == 0 }
        }
    }

    @Test func closing_endsEveryQuestion_underWayOrNot_andNoneIsTakenAfter() async throws {
        let server = try ScriptedNameServer(.silence)
        try await withControlLoop { executor in
            let resolver = Resolver(executor: executor, servers: [SocketAddress(testing: server.address)])
            try await resolver.open()
            let tasks = ask(0..<100, resolver)
            try await eventually("64 are asked") { names(server).count == 64 }
            await resolver.close()
            var (answered, cancelled) = (0, 0)
            for task in tasks {
                switch await task.result {
                case .success(let answer):
                    #expect(answer == .failed("Channel is being destroyed"))
                    answered += 1
                case .failure:
                    cancelled += 1
                }
            }
            #expect(answered == 64 && cancelled == 36)
            await #expect(throws: CancellationError.self) { try await resolver.answer(question(0)) }
        }
    }

    @Test func resolversComeAndGo_andLeaveNoDescriptor() async {
        await #expect(processExitsWith: .success) {
            let server = try ScriptedNameServer(.serverFailure)
            try await withControlLoop { executor in
                var before = 0
                for round in 0..<50 {
                    let resolver = Resolver(executor: executor, servers: [SocketAddress(testing: server.address)])
                    try await resolver.open()
                    try await resolver.watchFiles {}
                    _ = try await resolver.answer(.addresses("h.example.com", .v4))
                    await resolver.close()
                    if round == 0 { before = openDescriptors() }
                }
                if openDescriptors() > before + 10 { fatalError("\(openDescriptors()) descriptors, \(before) before") }
            }
        }
    }
}
