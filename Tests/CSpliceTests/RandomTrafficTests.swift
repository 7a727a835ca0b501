import CSplice
import GatewayTesting
import Glibc
import Testing

extension DataPlaneTests {
    /// Sizes, pauses and changes between small and bulk flow from a seed, with every byte compared.
    @Suite struct RandomTrafficTests {
        /// CSPLICE_TEST_SEED repeats one run; CSPLICE_TEST_SEEDS says how many of them.
        static let seeds: [UInt64] = {
            if let seed = number(named: "CSPLICE_TEST_SEED") { return [seed] }
            let first = UInt64.random(in: 0..<1_000_000)
            return (0..<(number(named: "CSPLICE_TEST_SEEDS") ?? 6)).map { first + $0 }
        }()

        @Test(arguments: seeds, [UInt32(0), 16, 8192])
        func randomTraffic_arrivesUnchanged(seed: UInt64, pipePages: UInt32) throws {
            var generator = SeededGenerator(seed: seed)
            let tiny: Int32? = Bool.random(using: &generator) ? Int32.random(in: 2048...8192, using: &generator) : nil
            let server = try UpstreamServer(receiveBuffer: tiny, sendBuffer: tiny)
            try withPlane(
                loops: 2, entrance: Bool.random(using: &generator) ? .ipv4 : .unix, server: server,
                configure: { $0.pipe_pages = pipePages }
            ) { plane in
                let workers = try (0..<4).map { index in
                    let session = try plane.open(receiveBuffer: tiny, sendBuffer: tiny)
                    let count = Int.random(in: 1...4_000_000, using: &generator) / (tiny == nil ? 1 : 8)
                    return Worker {
                        try exchange(over: session, count: count, seed: seed &+ UInt64(index), rhythm: Rhythm.random)
                        return (session.number, count, session.loop)
                    }
                }
                for worker in workers {
                    let (number, count, loop) = try worker.value()
                    let end = try plane.log.first(.CSP_EVENT_ENDED) { [count] event in
                        event.session == number && Int(event.bytes_up) == count
                    }
                    #expect(end.event.reason == .CSP_END_FINISHED, "seed \(seed), loop \(loop)")
                    #expect(Int(end.event.bytes_down) == count, "seed \(seed)")
                }
            }
        }

        private static func number(named name: String) -> UInt64? {
            getenv(name).flatMap { UInt64(String(cString: $0)) }
        }
    }
}
