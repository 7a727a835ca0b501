import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    /// Sessions that outlive the process: every byte compared, whatever the moment of its death.
    @Suite struct StoreTests {
        /// Microseconds that a worker lives at most.
        private static let longestLife: UInt32 = 60_000
        /// How much longer than usual all is done (`make kills`).
        private static let factor = Int(getenv("KILLS").map { String(cString: $0) } ?? "") ?? 1

        /// Connects clients to servers through the worker; an upstream connection is told from the others by its first byte.
        private func open(_ count: Int, _ guardian: StoreGuardian, buffers: Int32? = nil) throws -> [OpenSession] {
            try (0..<count).map { _ in
                let client = try Peer(
                    connectedTo: guardian.entrance, receiveBuffer: buffers, sendBuffer: buffers)
                return OpenSession(client: client, upstream: try guardian.server.accept(), loop: 0, number: 0)
            }
        }

        private func exchangeAll(_ sessions: [OpenSession], count: Int) -> [Worker<Void>] {
            sessions.enumerated().map { index, session in
                Worker { try exchange(over: session, count: count, seed: UInt64(900 + index), rhythm: Rhythm.random) }
            }
        }

        /// Kills and starts again until all have what they want; returns how often.
        private func killUntilDone(_ guardian: StoreGuardian, _ workers: [Worker<Void>], atMost: Int) throws -> Int {
            var kills = 0
            while workers.contains(where: { !$0.isDone }) && kills < atMost {
                usleep(UInt32.random(in: 1_000...Self.longestLife))
                guardian.kill()
                kills += 1
                let recovered = try guardian.start()
                #expect(recovered.ended == 0 && recovered.unsafe == 0, "kill \(kills): \(recovered)")
            }
            for worker in workers { try worker.value() }
            print("killed \(kills) times")
            return kills
        }

        @Test(arguments: [8192, 64, 0])
        func killedAgainAndAgain_losesNoByte(pipePages: Int) throws {
            let guardian = try StoreGuardian(pipePages: pipePages)
            try guardian.start()
            let sessions = try open(24, guardian)
            try guardian.waitUntilStored(24)
            let kills = try killUntilDone(guardian, exchangeAll(sessions, count: 20_000_000 * Self.factor), atMost: 10_000)
            #expect(kills >= 5)
        }

        @Test func killedAgainAndAgain_withTinyBuffers_losesNoByte() throws {
            let server = try UpstreamServer(receiveBuffer: 8192, sendBuffer: 8192)
            let guardian = try StoreGuardian(server: server)
            try guardian.start()
            let sessions = try open(16, guardian, buffers: 8192)
            try guardian.waitUntilStored(16)
            let kills = try killUntilDone(guardian, exchangeAll(sessions, count: 1_500_000 * Self.factor), atMost: 10_000)
            #expect(kills >= 5)
        }

        @Test func killedAgainAndAgain_withUnixClients_losesNoByte() throws {
            let guardian = try StoreGuardian(entrance: .unix)
            try guardian.start()
            let sessions = try open(16, guardian)
            try guardian.waitUntilStored(16)
            let kills = try killUntilDone(guardian, exchangeAll(sessions, count: 20_000_000 * Self.factor), atMost: 10_000)
            #expect(kills >= 5)
        }
    }
}
