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
            let sessions = try guardian.open(24)
            try guardian.waitUntilStored(24)
            let kills = try killUntilDone(
                guardian, guardian.exchangeAll(sessions, count: 20_000_000 * Self.factor), atMost: 10_000)
            #expect(kills >= 5)
        }

        @Test func killedAgainAndAgain_withTinyBuffers_losesNoByte() throws {
            let server = try UpstreamServer(receiveBuffer: 8192, sendBuffer: 8192)
            let guardian = try StoreGuardian(server: server)
            try guardian.start()
            let sessions = try guardian.open(16, buffers: 8192)
            try guardian.waitUntilStored(16)
            let kills = try killUntilDone(
                guardian, guardian.exchangeAll(sessions, count: 1_500_000 * Self.factor), atMost: 10_000)
            #expect(kills >= 5)
        }

        @Test func killedAgainAndAgain_withUnixClients_losesNoByte() throws {
            let guardian = try StoreGuardian(entrance: .unix)
            try guardian.start()
            let sessions = try guardian.open(16)
            try guardian.waitUntilStored(16)
            let kills = try killUntilDone(
                guardian, guardian.exchangeAll(sessions, count: 20_000_000 * Self.factor), atMost: 10_000)
            #expect(kills >= 5)
        }

        @Test func workerThatLeaves_storesTheYoungToo_andClientsThatWait() throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let sessions = try guardian.open(20)
            for session in sessions {  // a byte that came through: it is joined, and not only dialed
                try session.client.send("x")
                #expect(try session.upstream.receive(count: 1) == "x")
                try session.client.send("before")
            }
            #expect(try guardian.stop() == 0)
            let waiting = try Peer(connectedTo: guardian.entrance)
            try waiting.send("early")
            #expect(try guardian.start() == .init(sessions: 20))
            for session in sessions {
                #expect(try session.upstream.receive(count: 6) == "before")
                try session.upstream.send("after")
                #expect(try session.client.receive(count: 5) == "after")
            }
            #expect(try guardian.server.accept().receive(count: 5) == "early")
        }

        @Test func clientThatWaitsForADial_isDialedByTheNext() throws {
            let guardian = try StoreGuardian()
            let silent = try SilentServer()
            try guardian.start(dialing: silent.address)
            let client = try Peer(connectedTo: guardian.entrance)
            try client.send("hello")
            try guardian.waitUntilHeld(1)
            #expect(try guardian.stop() == 0)
            #expect(try guardian.start() == .init(clients: 1))
            #expect(try guardian.server.accept().receive(count: 5) == "hello")
        }

        @Test(arguments: Side.allCases)
        func halfClosedSession_staysHalfClosed(side: Side) throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let session = try guardian.open(1)[0]
            let (closer, other) = side.split(session)
            try guardian.waitUntilStored(1)
            try closer.send("last words")
            try closer.shutdownWrite()
            #expect(try other.receiveToEnd() == "last words")
            guardian.kill()
            try other.send("answer")
            #expect(try guardian.start() == .init(sessions: 1))
            #expect(try closer.receive(count: 6) == "answer")
            try other.shutdownWrite()
            #expect(try closer.receiveToEnd().isEmpty)
            try guardian.waitUntilStored(0)
        }

        @Test(arguments: Side.allCases)
        func endWhileNobodyLooks_isPassedOnByTheNext(side: Side) throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let session = try guardian.open(1)[0]
            let (closer, other) = side.split(session)
            try guardian.waitUntilStored(1)
            guardian.kill()
            try closer.send("last words")
            try closer.shutdownWrite()
            #expect(try guardian.start() == .init(sessions: 1))
            #expect(try other.receiveToEnd() == "last words")
            try other.send("answer")
            try other.shutdownWrite()
            #expect(try closer.receiveToEnd() == "answer")
        }

        @Test(arguments: Side.allCases)
        func resetWhileNobodyLooks_isAReset(side: Side) throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let session = try guardian.open(1)[0]
            let (closer, other) = side.split(session)
            try guardian.waitUntilStored(1)
            guardian.kill()
            closer.reset()
            #expect(try guardian.start() == .init(ended: 1))
            #expect(try other.drain().end == .reset)
        }

        @Test(arguments: Side.allCases)
        func storedSession_endsAtOnceForItsPeers(side: Side) throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let sessions = try guardian.open(2)
            try guardian.waitUntilStored(2)
            let (closer, other) = side.split(sessions[0])
            try closer.send("bye")
            try closer.shutdownWrite()
            #expect(try other.receiveToEnd(within: .seconds(1)) == "bye")
            try other.shutdownWrite()
            #expect(try closer.receiveToEnd(within: .seconds(1)).isEmpty)
            let (resetter, victim) = side.split(sessions[1])
            resetter.reset()
            #expect(try victim.drain(within: .seconds(1)).end == .reset)
        }

        @Test func storeThatIsThrownAway_resetsItsSessions() throws {
            var guardian: StoreGuardian? = try StoreGuardian()
            try guardian?.start()
            let session = try #require(guardian).open(1)[0]
            try guardian?.waitUntilStored(1)
            guardian = nil
            #expect(try session.client.drain().end == .reset)
            #expect(try session.upstream.drain().end == .reset)
        }

        @Test func shelves_areUsedAnew() throws {
            let guardian = try StoreGuardian(shelves: 1)
            try guardian.start()
            let staying = try guardian.open(100)
            try guardian.waitUntilStored(100)
            for _ in 0..<8 {
                let passing = try guardian.open(120)
                try guardian.waitUntilStored(220)
                for session in passing {
                    session.client.close()
                    session.upstream.close()
                }
                try guardian.waitUntilStored(100)
            }
            guardian.kill()
            #expect(try guardian.start() == .init(sessions: 100))
            for session in staying {
                try session.client.send("x")
                #expect(try session.upstream.receive(count: 1) == "x")
            }
        }

        @Test func fullStore_doesNotKeepAnybodyFromBeingServed() throws {
            let guardian = try StoreGuardian(shelves: 1)
            try guardian.start()
            let sessions = try guardian.open(400)
            for session in sessions {
                try session.client.send("x")
                #expect(try session.upstream.receive(count: 1) == "x")
            }
            #expect(try guardian.storedAtLeast(250) < 400)
            guardian.kill()
            let recovered = try guardian.start()
            #expect(recovered.sessions >= 250 && recovered.ended == 0)
            let another = try guardian.open(1)[0]
            try another.client.send("y")
            #expect(try another.upstream.receive(count: 1) == "y")
        }
    }
}
