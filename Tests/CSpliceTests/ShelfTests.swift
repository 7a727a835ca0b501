import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    /// Shelves on which strangers have put something, and processes that may have less than what lies there.
    @Suite struct ShelfTests {
        private func put(_ bytes: [UInt8], into end: Int32, count: Int = 1) throws {
            for _ in 0..<count {
                let sent = try check("send", Int32(send(end, bytes, bytes.count, Int32(MSG_DONTWAIT))))
                #expect(Int(sent) == bytes.count)
            }
        }

        /// A reset has come: both directions are over.
        private func isReset(_ peer: Peer) -> Bool {
            var request = pollfd(fd: peer.descriptor, events: 0, revents: 0)
            return poll(&request, 1, 0) == 1 && request.revents & Int16(POLLHUP) != 0
        }

        private func talk(_ sessions: [OpenSession]) throws {
            for session in sessions {
                try session.client.send("there")
                #expect(try session.upstream.receive(count: 5) == "there")
                try session.upstream.send("back")
                #expect(try session.client.receive(count: 4) == "back")
            }
        }

        /// Short, empty and long ones, in front, behind, and in the queue where none belongs.
        @Test(arguments: [0, 1, 7, 16, 100], [0, 1])
        func foreignMessages_hideNoSession(length: Int, end: Int) throws {
            let guardian = try StoreGuardian(loops: 1, shelves: 1)
            let foreign = [UInt8](repeating: 0xee, count: length)
            try put(foreign, into: guardian.shelves[end], count: 3)
            try guardian.start()
            let sessions = try guardian.open(20)
            try guardian.waitUntilStored(20)
            try put(foreign, into: guardian.shelves[end], count: 2)
            for _ in 0..<2 {
                guardian.kill()
                #expect(try guardian.start() == .init(sessions: 20))
                try talk(sessions)
            }
            #expect(try guardian.handOver() == .init(sessions: 20))
            try talk(sessions)
        }

        /// A worker that was handed everything does not look at what lies there, and still puts more behind it.
        @Test func endsInAnotherOrder_areFoundOut_alsoAfterAHandOver() throws {
            let guardian = try StoreGuardian(loops: 1, shelves: 2)
            try guardian.start()
            var sessions = try guardian.open(5)
            try guardian.waitUntilStored(5)
            guardian.kill()
            guardian.swapEnds()
            #expect(try guardian.start() == .init(sessions: 5))
            #expect(try guardian.handOver() == .init(sessions: 5))
            sessions += try guardian.open(5)
            try guardian.waitUntilStored(10)
            guardian.kill()
            #expect(try guardian.start() == .init(sessions: 10))
            try talk(sessions)
        }

        /// Without a note of which end is which: a table that a program of the first form has made.
        @Test(arguments: [0, 1])
        func foreignMessages_hideNoSession_ofAnOlderForm(end: Int) throws {
            let table = try TableForm(minor: 0, shelfBytes: 36_864).make()
            let guardian = try StoreGuardian(loops: 1, shelves: 1, table: table)
            try guardian.start()
            let sessions = try guardian.open(20)
            try guardian.waitUntilStored(20)
            guardian.kill()
            try forgetEnds(of: table)
            try put([1, 2, 3], into: guardian.shelves[end])
            #expect(try guardian.start() == .init(sessions: 20))
            try talk(sessions)
        }

        /// A table's first shelf begins behind its header, two notes and 64 buffers; its ends stand 16 bytes in.
        private func forgetEnds(of table: Int32) throws {
            let place = 4096 + 2 * 69_632 + 64 * 69_632 + 16
            let nothing = [UInt8](repeating: 0, count: 16)
            #expect(pwrite(table, nothing, 16, off_t(place)) == 16)
        }

        /// A queue that takes no more takes not even its own first message again, so that those behind it would stay.
        @Test func fullShelf_isCompacted_alsoWhileItsFirstSessionLives() throws {
            let guardian = try StoreGuardian(loops: 1, shelves: 1)
            try guardian.start()
            let sessions = try guardian.open(320)
            try guardian.waitUntilStored { $0 >= 200 }
            try talk(Array(sessions.suffix(5)))
            for session in sessions.dropFirst() {
                session.client.close()
                session.upstream.close()
            }
            try guardian.waitUntilStored { $0 <= 1 }
            let others = try guardian.open(150)
            try guardian.waitUntilStored(151)
            try talk(others + [sessions[0]])
            guardian.kill()
            #expect(try guardian.start() == .init(sessions: 151))
            try talk(others + [sessions[0]])
        }

        @Test func foreignMessages_areDroppedWhenAShelfIsCompacted() throws {
            let guardian = try StoreGuardian(loops: 1, shelves: 1)
            try put([1, 2, 3], into: guardian.shelves[0], count: 100)
            try put([], into: guardian.shelves[0], count: 20)
            try guardian.start()
            for _ in 0..<4 {
                let sessions = try guardian.open(150)
                try guardian.waitUntilStored(150)
                for session in sessions {
                    session.client.close()
                    session.upstream.close()
                }
                try guardian.waitUntilStored(0)
            }
        }

        @Test func processThatMayHaveFewerDescriptors_servesThoseItCan_andResetsTheOthers() throws {
            let guardian = try StoreGuardian()
            try guardian.start()
            let sessions = try guardian.open(200)
            try guardian.waitUntilStored(200)
            guardian.kill()
            // The worker keeps thirty of these for itself, as the gateway keeps a reserve: seventeen it has open, and each loop looks at two more.
            let recovered = try guardian.start(descriptors: 230)
            #expect(recovered.sessions == 100 && recovered.refused == 100 && recovered.ended == 100, "\(recovered)")
            #expect(eventually { sessions.count { isReset($0.client) && isReset($0.upstream) } == 100 })
            let served = sessions.filter { !isReset($0.client) && !isReset($0.upstream) }
            #expect(served.count == 100)
            try talk(served)
            for session in served.prefix(50) {
                session.client.close()
                session.upstream.close()
            }
            // Who was served and has left makes room for others.
            try guardian.waitUntilStored { $0 <= 50 }
            try talk(try guardian.open(10))
            guardian.kill()
            let last = try guardian.start()
            #expect(last.ended == 0 && last.refused == 0, "\(last)")
        }

        /// After an urgent byte a flow is copied for good. What its reader does not take goes into a pipe, beside the one
        /// that was emptied in the same turn: that one must not be forgotten. (A unix client's buffer is small enough for
        /// both to happen in one turn.)
        @Test func sessionThatFindsNoRoom_isStoredAsSoonAsThereIsAShelf_notASecondLater() throws {
            let guardian = try StoreGuardian(loops: 1, shelves: 1)
            try guardian.start(grows: true)
            let sessions = try guardian.open(300)
            let opened = ContinuousClock.now
            try guardian.waitUntilStored(300)
            // A second and a half at most; another chance would come a second later.
            #expect(ContinuousClock.now - opened < .seconds(2.2))
            try talk(sessions)
        }

        @Test func pipesOfStoredSessions_comeBack() throws {
            let guardian = try StoreGuardian(entrance: .unix)
            try guardian.start()
            let session = try guardian.open(1)[0]
            try guardian.waitUntilStored(1)
            try session.upstream.sendUrgent(UInt8(ascii: "!"))
            #expect(try session.client.receive(count: 1) == "!")
            let before = guardian.openDescriptors
            let stream = ByteStream(seed: 60)
            var (sent, received) = (0, 0)
            for _ in 0..<100 {
                sent += try session.upstream.sendUntilBlocked(
                    stream, from: sent, limit: 1 << 24, quiet: .milliseconds(10))
                let piece = min(sent - received, 1_000_000)
                try session.client.receive(stream, from: received, count: piece)
                received += piece
            }
            // The loop keeps sixteen empty pipes at most.
            #expect(guardian.openDescriptors - before <= 2 * 16)
            try session.client.receive(stream, from: received, count: sent - received)
        }
    }
}
