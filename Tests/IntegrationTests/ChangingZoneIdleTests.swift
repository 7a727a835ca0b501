import Foundation
import GatewayTesting
import Testing

extension RealComponents.ChangingZoneTests {
    /// A minute at a time to live of 30 s with `FULL=1`, else 12 s at 3 s.
    private static let watched: (time: Duration, timeToLive: Int) =
        ProcessInfo.processInfo.environment["FULL"] == "1" ? (.seconds(60), 30) : (.seconds(12), 3)

    @Test func idleGateway_asksAndWakesAsOftenAsTheTimeToLiveWants_andNoMore() async throws {
        let listings = Listing.of(try LoneMembers.all()[..<3])
        let timeToLive = Self.watched.timeToLive
        let dns = try ScriptedNameServer(
            .answer(listings.flatMap { $0.absoluteRecords(ttl: UInt32(timeToLive)) }))
        let gateway = try await GatewayProcess.ready([
            "--discovery-srv=example.com", "--dns-server=\(dns.address)",
        ])
        // Two SRV questions, and A and AAAA for each of three hosts.
        try await eventually("each question was asked once") { dns.queries.count >= 8 }

        let (asked, woken) = (dns.queries.count, try ProcessActivity.wakeUps(of: gateway.process.pid))
        let from = ContinuousClock.now
        try await eventually("\(Self.watched.time) without a client", within: .seconds(90)) {
            ContinuousClock.now - from > Self.watched.time
        }
        let queries = dns.queries.dropFirst(asked)
        let wakeUps = try ProcessActivity.wakeUps(of: gateway.process.pid) - woken

        // Those that exist; that the others do not exist holds for half a minute, as the server does not say how long.
        let seconds = Int(Self.watched.time / .seconds(1))
        let rounds = seconds / timeToLive
        let byQuestion = Dictionary(grouping: queries) { "\($0.name) \($0.type)" }.mapValues(\.count)
        for (question, count) in byQuestion {
            let isOfHost = question.hasPrefix("host")
            let isThere = isOfHost ? question.hasSuffix(" 1") : question.hasPrefix("\(Listing.service).")
            #expect(count <= (isThere ? rounds : seconds / 30) + 1, "\(question): \(byQuestion)")
            if isThere { #expect(count >= rounds * 8 / 10 - 1, "\(question): \(byQuestion)") }
        }
        // For each query a timer, an answer and what they set going; a probe of each endpoint in half a minute; and
        // nothing that would grow with time alone.
        let probes = 3 * (seconds / 30 + 1)
        #expect(wakeUps <= 8 * queries.count + 16 * probes + 20, "\(queries.count) queries")
    }
}
