import Foundation
import GatewayTesting
import Testing

extension RealComponents.ChangingZoneTests {
    private static let failing = "DNS gives no usable answer"
    private static let recovered = "DNS answers again"

    /// Fifteen seconds are enough for several tries of each question; `FULL=1` waits for a minute.
    private static let troubleTime: Duration =
        ProcessInfo.processInfo.environment["FULL"] == "1" ? .seconds(60) : .seconds(15)

    /// All ways at once, each with a gateway of its own: they mostly wait.
    @Test func whateverTheNameServerDoes_theLastGoodSetStays_andTheLogSaysOnceWhatAndOnceThatItIsOver() async throws {
        let listings = Listing.of(try LoneMembers.all()[..<2])
        let ways: [ScriptedNameServer.Behaviour] = [
            .serverFailure, .refused, .nameError, .noData, .silence, .truncated([]), .garbage([]),
            .garbage([0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 0xC0, 0x0C, 0xFF]),
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for way in ways {
                group.addTask { try await survive(way, with: listings) }
            }
            group.addTask { try await surviveDeath(with: listings) }
            try await group.waitForAll()
        }
    }

    private func survive(_ way: ScriptedNameServer.Behaviour, with listings: [Listing]) async throws {
        let good = ScriptedNameServer.Behaviour.answer(listings.flatMap(\.absoluteRecords))
        let dns = try ScriptedNameServer(good)
        try await survive(dns.address, "\(way)") {
            dns.behaviour = way
        } untilOver: {
            dns.behaviour = good
        }
    }

    private func surviveDeath(with listings: [Listing]) async throws {
        let dns = try await NameServer(zone: "example.com", records: listings.flatMap(\.records))
        try await survive(dns.address, "killed") {
            try await dns.kill()
        } untilOver: {
            try await dns.start()
        }
    }

    private func survive(
        _ server: String, _ what: String, from begin: () async throws -> Void, untilOver end: () async throws -> Void
    ) async throws {
        let gateway = try await GatewayProcess.ready([
            "--discovery-srv=example.com", "--dns-server=\(server)", "--max-ttl=2s", "--policy=round-robin",
        ])
        let requests = RequestLoop(PlainRequest(at: gateway.address), clients: 1, pause: .milliseconds(50))
        try await requests.wait(for: 5, startedAfter: .now)
        #expect(gateway.lines(with: Self.failing) == 0, "\(gateway.log)")

        try await begin()
        let begunAt = ContinuousClock.now
        try await eventually("\(what) for \(Self.troubleTime)", within: .seconds(90)) {
            requests.outcomes.contains { $0.startedAt > begunAt + Self.troubleTime }
        }
        // A line for the service and one for each host.
        let told = gateway.lines(with: Self.failing)
        #expect(told >= 1 && told <= 4, "\(what): \(gateway.log)")
        try await end()
        // The wait between two tries has grown to half a minute at most.
        try await eventually("\(what) is over: \(gateway.process.errors)", within: .seconds(60)) {
            gateway.lines(with: Self.recovered) >= gateway.lines(with: Self.failing)
        }

        #expect(gateway.lines(with: Self.failing) == told, "\(what): each line once: \(gateway.log)")
        #expect(gateway.lines(with: Self.recovered) == told, "\(what): each line once: \(gateway.log)")
        #expect(gateway.lines(with: Self.missing) == 0, "\(what): \(gateway.log)")
        #expect(gateway.lines(with: "endpoint known") == 2, "\(what): \(gateway.log)")
        let outcomes = try await requests.stop()
        #expect(outcomes.compactMap(\.failure) == [], "\(what): \(gateway.log)")
    }

    @Test func removalIsNotConfirmed_whileTheNameServerFails() async throws {
        let members = Array(try LoneMembers.all()[..<2])
        let listings = Listing.of(members)
        let dns = try ScriptedNameServer(.answer(listings.flatMap(\.absoluteRecords)))
        let gateway = try await GatewayProcess.ready([
            "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--removed-endpoint-grace=0s",
        ])
        let without = ScriptedNameServer.Behaviour.answer(listings[..<1].flatMap(\.absoluteRecords))
        dns.behaviour = without
        try await gateway.process.waitForText(Self.missing)
        let missingAt = ContinuousClock.now
        dns.behaviour = .serverFailure
        try await eventually("seven seconds of failures") {
            let failures = dns.queries.count
            return ContinuousClock.now - missingAt > .seconds(7) && failures > 0
        }
        #expect(gateway.lines(with: Self.draining) == 0, "only an answer confirms: \(gateway.log)")
        dns.behaviour = without
        try await gateway.process.waitForText(Self.draining)
    }
}
