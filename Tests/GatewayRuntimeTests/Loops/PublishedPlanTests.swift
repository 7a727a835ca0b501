import Gateway
import Testing

@testable import GatewayRuntime

struct PublishedPlanTests {
    @Test func copyIsRefreshedOnce_afterEachPublication() {
        let published = PublishedPlan(.testing([]))
        var cache = published.makeCache()
        #expect(!published.refresh(&cache))
        let plan = DialPlan.testing([SocketAddress(testing: "127.0.0.1:1")])
        published.publish(plan)
        #expect(published.refresh(&cache))
        #expect(cache.plan == plan)
        #expect(!published.refresh(&cache))
    }

    @Test func readersOfOtherThreads_endWithTheLastPlan() throws {
        let published = PublishedPlan(.testing([]))
        let last = SocketAddress(testing: "127.0.0.1:1000")
        let seen = Recorder<SocketAddress?>()
        let readers = try (0..<4).map { _ in
            try SystemThread(name: "reader") {
                var cache = published.makeCache()
                while cache.plan.targets.first?.addresses.first != last { _ = published.refresh(&cache) }
                seen.add(cache.plan.targets.first?.addresses.first)
            }
        }
        for port: UInt16 in 1...1000 {
            published.publish(.testing([SocketAddress(ip: last.ip, port: port)]))
        }
        for reader in readers { reader.join() }
        #expect(seen.all == Array(repeating: last, count: 4))
    }
}

extension DialPlan {
    /// A plan of endpoints with one address each, in this order; their slots count from `firstSlot`.
    static func testing(
        _ addresses: [SocketAddress], firstSlot: UInt32 = 0, isConfirmed: Bool = false,
        dialTimeout: Duration = .seconds(1),
        hedgeDelay: Duration? = .milliseconds(250), holdTimeout: Duration? = .seconds(300)
    ) -> DialPlan {
        DialPlan(
            targets: addresses.enumerated().map { slot, address in
                Target(
                    endpoint: EndpointID(slot: firstSlot + UInt32(slot)), addresses: [address], weight: 0,
                    isConfirmed: isConfirmed)
            },
            good: addresses.count, spread: min(1, addresses.count), policy: .pinned,
            timing: Timing(dialTimeout: dialTimeout, hedgeDelay: hedgeDelay, holdTimeout: holdTimeout))
    }
}
