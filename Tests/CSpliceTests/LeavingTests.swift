import CSplice
import GatewayTesting
import Glibc
import Testing

extension DataPlaneTests {
    /// A process that leaves in order, and one that becomes another program.
    @Suite struct LeavingTests {
        /// How a worker comes to its end, or does not.
        private enum Way: CaseIterable {
            case killed, left, handedOver, stayed

            /// What the next one has recovered; `nil` where there is no next one.
            func take(_ guardian: StoreGuardian) throws -> StoreGuardian.Recovered? {
                switch self {
                case .killed:
                    guardian.kill()
                    return try guardian.start()
                case .left:
                    #expect(try guardian.stop() == 0)
                    return try guardian.start()
                case .handedOver: return try guardian.handOver()
                case .stayed:
                    try guardian.leaveAndStay()
                    return nil
                }
            }
        }

        /// What one process knew and left in the table must not be believed once another one has moved bytes.
        /// (A unix client without a pipe may end with a kill: it keeps no account.)
        @Test(arguments: [(8192, .ipv4), (64, .ipv4), (0, .ipv4), (8192, .unix)] as [(Int, PlaneUnderTest.Entrance)])
        func allWaysInRandomOrder_loseNoByte(pipePages: Int, entrance: PlaneUnderTest.Entrance) throws {
            let seed = UInt64.random(in: 0 ... .max)
            var generator = SeededGenerator(seed: seed)
            let guardian = try StoreGuardian(pipePages: pipePages, entrance: entrance)
            try guardian.start()
            let sessions = try guardian.open(16)
            try guardian.waitUntilStored(16)
            let workers = guardian.exchangeAll(sessions, count: 12_000_000)
            var ends = 0
            while workers.contains(where: { !$0.isDone }) && ends < 10_000 {
                usleep(UInt32.random(in: 1_000...40_000, using: &generator))
                let way = try #require(Way.allCases.randomElement(using: &generator))
                let recovered = try way.take(guardian)
                #expect(
                    (recovered?.ended ?? 0) == 0, "seed \(seed), end \(ends): \(way), \(String(describing: recovered))")
                ends += 1
            }
            for worker in workers { try worker.value() }
            print("\(ends) ends, seed \(seed)")
            #expect(ends >= 5)
        }

        @Test func youngSessionsAndPipesWithBytes_areHandedOver() throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let sessions = try guardian.open(40)
            let stream = ByteStream(seed: 4711)
            // Nobody reads: all that was sent waits in sockets and pipes.
            let sent = try sessions.map {
                try $0.client.sendUntilBlocked(stream, limit: 1 << 22, quiet: .milliseconds(20))
            }
            for _ in 0..<3 { #expect(try guardian.handOver() == .init(sessions: 40)) }
            for (session, sent) in zip(sessions, sent) {
                try session.client.shutdownWrite()
                #expect(try session.upstream.receiveToEnd(stream) == sent)
            }
        }

        /// Whoever brings back a stored session takes its options for granted.
        @Test(arguments: [true, false])
        func youngSessions_haveTheirPatienceAfterwards(isHandedOver: Bool) throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let sessions = try guardian.open(10)
            for session in sessions {  // each is joined
                try session.client.send("x")
                #expect(try session.upstream.receive(count: 1) == "x")
            }
            #expect(try (isHandedOver ? Way.handedOver : .left).take(guardian) == .init(sessions: 10))
            #expect(eventually { KernelTimers.keepalives(to: guardian.server.address.port) == 10 })
            withExtendedLifetime(sessions) {}
        }

        @Test func handOver_leavesNoDescriptorOpen() throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let before = guardian.openDescriptors
            for _ in 0..<3 {
                let sessions = try guardian.open(50)
                for session in sessions { try session.client.send("x") }
                for session in sessions { #expect(try session.upstream.receive(count: 1) == "x") }
                #expect(try guardian.handOver() == .init(sessions: 50))
                for session in sessions {
                    session.client.close()
                    session.upstream.close()
                }
                try guardian.waitUntilStored(0)
            }
            #expect(guardian.openDescriptors == before)
        }

        @Test func clientThatWaits_isHandedOver_andServedWhereTheProcessStays() throws {
            let guardian = try StoreGuardian()
            let silent = try SilentServer()
            try guardian.start(dialing: silent.address)
            let client = try Peer(connectedTo: guardian.entrance)
            try client.send("hello")
            try guardian.waitUntilHeld(1)
            try guardian.leaveAndStay()
            #expect(try guardian.handOver() == .init(clients: 1))
            #expect(try guardian.stop() == 0)
            #expect(try guardian.start() == .init(clients: 1))
            #expect(try guardian.server.accept().receive(count: 5) == "hello")
            try client.send(" again")
            guardian.kill()
        }

        @Test func clientThatIsJoinedAfterAProcessStayed_isASessionForTheNext() throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let session = try guardian.open(1)[0]
            try guardian.leaveAndStay()
            try guardian.leaveAndStay()
            #expect(try guardian.handOver() == .init(sessions: 1))
            try session.client.send("over")
            #expect(try session.upstream.receive(count: 4) == "over")
        }

        @Test(arguments: Side.allCases)
        func halfClosedSession_staysHalfClosed(side: Side) throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let session = try guardian.open(1)[0]
            let (closer, other) = side.split(session)
            try closer.send("last words")
            try closer.shutdownWrite()
            #expect(try other.receiveToEnd() == "last words")
            #expect(try guardian.handOver() == .init(sessions: 1))
            try other.send("answer")
            #expect(try closer.receive(count: 6) == "answer")
            #expect(try guardian.stop() == 0)
            try other.shutdownWrite()
            #expect(try guardian.start() == .init(sessions: 1))
            #expect(try closer.receiveToEnd().isEmpty)
        }

        @Test(arguments: Side.allCases)
        func resetWhileNobodyLooks_isAReset(side: Side) throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let session = try guardian.open(1)[0]
            let (closer, other) = side.split(session)
            try closer.send("x")
            #expect(try other.receive(count: 1) == "x")
            #expect(try guardian.stop() == 0)
            closer.reset()
            try guardian.start()
            #expect(try other.drain().end == .reset)
        }
    }
}
