import CSplice
import Testing

extension DataPlaneTests {
    @Suite struct HalfCloseTests {
        @Test(arguments: [PlaneUnderTest.Entrance.ipv4, .unix])
        func clientHalfCloses_theWholeReplyStillArrives(entrance: PlaneUnderTest.Entrance) throws {
            try withPlane(entrance: entrance) { plane in
                let session = try plane.open()
                let reply = ByteStream(seed: 1)
                try session.client.send("question")
                try session.client.shutdownWrite()
                #expect(try session.upstream.receiveToEnd() == "question")
                let sender = Worker {
                    try session.upstream.send(reply, count: 3_000_000)
                    session.upstream.close()
                }
                #expect(try session.client.receiveToEnd(reply) == 3_000_000)
                try sender.value()
                let end = try plane.log.end(of: session.number)
                #expect(end.reason == .CSP_END_FINISHED)
                #expect(end.error == 0)
                #expect(end.bytes_up == 8)
                #expect(end.bytes_down == 3_000_000)
                #expect(end.endpoint == 0)
                #expect(end.elapsed_ns > 0 && end.elapsed_ns < 60_000_000_000)
            }
        }

        @Test func upstreamHalfCloses_theClientMayGoOn() throws {
            try withPlane { plane in
                let session = try plane.open()
                let upload = ByteStream(seed: 2)
                try session.upstream.send("go on")
                try session.upstream.shutdownWrite()
                #expect(try session.client.receiveToEnd() == "go on")
                let sender = Worker {
                    try session.client.send(upload, count: 3_000_000)
                    session.client.close()
                }
                #expect(try session.upstream.receiveToEnd(upload) == 3_000_000)
                try sender.value()
                let end = try plane.log.end(of: session.number)
                #expect(end.reason == .CSP_END_FINISHED)
                #expect(end.bytes_up == 3_000_000)
                #expect(end.bytes_down == 5)
            }
        }

        @Test func bothHalfCloseAtOnce_bothGetEverything() throws {
            try withPlane { plane in
                let session = try plane.open()
                try session.client.send("left")
                try session.upstream.send("right")
                try session.client.shutdownWrite()
                try session.upstream.shutdownWrite()
                #expect(try session.upstream.receiveToEnd() == "left")
                #expect(try session.client.receiveToEnd() == "right")
                let end = try plane.log.end(of: session.number)
                #expect(end.reason == .CSP_END_FINISHED)
                #expect(end.bytes_up == 4)
                #expect(end.bytes_down == 5)
            }
        }

        @Test func nothingButEnds_isASessionToo() throws {
            try withPlane { plane in
                let session = try plane.open()
                session.upstream.close()
                #expect(try session.client.receiveToEnd() == "")
                session.client.close()
                let end = try plane.log.end(of: session.number)
                #expect(end.reason == .CSP_END_FINISHED)
                #expect(end.bytes_up == 0 && end.bytes_down == 0)
            }
        }

        @Test func halfClosedSession_staysOpen_untilTheOtherHalfEnds() throws {
            try withPlane { plane in
                let session = try plane.open()
                try session.client.shutdownWrite()
                #expect(try session.upstream.receiveToEnd() == "")
                #expect(staysUnchanged(for: .milliseconds(200)) { plane.log.count(of: .CSP_EVENT_ENDED) })
                for round in 0..<20 {
                    try session.upstream.send("news \(round % 10)")
                    #expect(try session.client.receive(count: 6) == "news \(round % 10)")
                }
            }
        }
    }
}
