import GatewayTesting
import Testing

extension RealComponents {
    /// Gateways that lead to each other, or to themselves: found out, told, and never a storm.
    @Suite(.serialized)
    struct LoopTests {
        private static let message = "gateways point at each other"

        /// The sessions that the log says have ended.
        private static func sessions(_ gateway: GatewayProcess) -> Int {
            gateway.log.count { $0.contains("session ended") }
        }

        @Test(arguments: ["127.0.0.1", "[::1]"])
        func twoGatewaysThatPointAtEachOther_resetTheClient_andSaySo_afterBoundedPasses(host: String) async throws {
            let addresses = try (0..<2).map { _ in "\(host):\(try FreePort.next())" }
            let gateways = try (0..<2).map { number in
                // No routine probes: each of them would be one more connection that goes in circles.
                try GatewayProcess(
                    ["--endpoints=\(addresses[1 - number])", "--health-interval=0", "--access-log"],
                    listeningOn: addresses[number])
            }
            for gateway in gateways { try await gateway.waitUntilReady() }

            #expect(await PlainRequest(at: addresses[0]).run().failure?.contains("reset by peer") == true)
            try await eventually("one of them says why") {
                gateways.contains { gateway in gateway.log.contains { $0.contains(Self.message) } }
            }
            // 64 hops at the start, 24 left at the end: 40 passes and the client itself, and as many again for probes by
            // suspicion of either gateway.
            try await eventually("their sessions have ended") { gateways.reduce(0) { $0 + Self.sessions($1) } >= 40 }
            #expect(gateways.reduce(0) { $0 + Self.sessions($1) } <= 41 * 8)
        }

        @Test func endpointBehindAWildcardListener_isNeverDialed() async throws {
            let port = try FreePort.next()
            let gateway = try GatewayProcess(
                ["--endpoints=127.0.0.1:\(port)", "--hold-timeout=200ms", "--access-log"],
                listeningOn: "0.0.0.0:\(port)")
            try await gateway.waitUntilReady()
            #expect(await PlainRequest(at: "127.0.0.1:\(port)").run().failure != nil)
            #expect(gateway.log.contains { $0.contains("it is never dialed") })
            try await eventually("the client's session has ended") { Self.sessions(gateway) >= 1 }
            #expect(Self.sessions(gateway) == 1, "a dial of itself would be one more")
        }
    }
}
