import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct BulkTests {
        /// How many MiB go each way; CSPLICE_TEST_MIB makes it less where a sanitizer slows everything down.
        static let mebibytes = getenv("CSPLICE_TEST_MIB").flatMap { Int(String(cString: $0)) } ?? 1024

        @Test func bulk_bothWaysAtOnce_arrivesUnchanged() throws {
            try withPlane { plane in
                let session = try plane.open()
                let count = BulkTests.mebibytes << 20
                try exchange(over: session, count: count, seed: 12)
                let end = try plane.log.end(of: session.number)
                #expect(end.reason == .CSP_END_FINISHED)
                #expect(end.bytes_up == UInt64(count) && end.bytes_down == UInt64(count))
                let counters = plane.loops[0].handle.counters()
                #expect(counters.bytes_spliced + counters.bytes_copied == 2 * UInt64(count))
                #expect(counters.bytes_spliced > counters.bytes_copied, "bulk is spliced")
                #expect(counters.pipes <= 16, "pipes are pooled, and not many")
            }
        }

        @Test func bulk_withoutPipes_arrivesUnchanged() throws {
            try withPlane(configure: { $0.pipe_pages = 0 }) { plane in
                let session = try plane.open()
                try exchange(over: session, count: BulkTests.mebibytes << 17, seed: 13)
                #expect(try plane.log.end(of: session.number).reason == .CSP_END_FINISHED)
                let counters = plane.loops[0].handle.counters()
                #expect(counters.pipes == 0)
                #expect(counters.bytes_spliced == 0)
            }
        }

        @Test(arguments: [PlaneUnderTest.Entrance.ipv4, .unix], [UInt32(0), 16, 40, 8192])
        func eightSessions_overTwoLoops_arriveUnchanged(entrance: PlaneUnderTest.Entrance, pipePages: UInt32) throws {
            try withPlane(loops: 2, entrance: entrance, configure: { $0.pipe_pages = pipePages }) { plane in
                let sessions = try (0..<8).map { _ in try plane.open() }
                let count = BulkTests.mebibytes << 13
                let workers = sessions.enumerated().map { number, session in
                    Worker { try exchange(over: session, count: count, seed: UInt64(100 + number)) }
                }
                for worker in workers { try worker.value() }
                for session in sessions {
                    let end = try plane.log.end(of: session.number)
                    #expect(end.reason == .CSP_END_FINISHED)
                    #expect(end.bytes_up == UInt64(count) && end.bytes_down == UInt64(count))
                }
                #expect(plane.total { $0.bytes_spliced + $0.bytes_copied } == 16 * UInt64(count))
            }
        }

        /// A bulk flow in the same loop may make a small question wait a little, never long.
        @Test func bulkFlow_doesNotStarveAnother() throws {
            try withPlane { plane in
                let bulk = try plane.open()
                let small = try plane.open()
                let stream = ByteStream(seed: 14)
                let count = BulkTests.mebibytes << 18
                let sender = Worker { try bulk.client.send(stream, count: count) }
                let receiver = Worker { try bulk.upstream.receive(stream, count: count) }
                var slowest = Duration.zero
                for _ in 0..<100 {
                    let begin = ContinuousClock.now
                    try small.client.send("ping")
                    #expect(try small.upstream.receive(count: 4) == "ping")
                    slowest = max(slowest, ContinuousClock.now - begin)
                }
                try sender.value()
                try receiver.value()
                #expect(slowest < .milliseconds(500), "\(slowest)")
            }
        }
    }
}

/// Sends count bytes each way at once, ends both streams, and compares everything that arrives.
func exchange(
    over session: OpenSession, count: Int, seed: UInt64, rhythm: (UInt64) -> Rhythm = { _ in .steady }
) throws {
    let (up, down) = (ByteStream(seed: seed), ByteStream(seed: ~seed))
    let rhythms = (0..<4).map { rhythm(seed &* 4 &+ UInt64($0)) }
    let sender = Worker {
        try session.client.send(up, count: count, rhythm: rhythms[0])
        try session.client.shutdownWrite()
    }
    let answerer = Worker {
        try session.upstream.send(down, count: count, rhythm: rhythms[1])
        try session.upstream.shutdownWrite()
    }
    let receiver = Worker { try session.upstream.receiveToEnd(up, rhythm: rhythms[2]) }
    let received = try session.client.receiveToEnd(down, rhythm: rhythms[3])
    guard try received == count && receiver.value() == count else {
        throw SocketFailure.endedEarly(after: received)
    }
    try sender.value()
    try answerer.value()
}
