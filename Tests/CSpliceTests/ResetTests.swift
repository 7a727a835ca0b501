import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    /// A reset passes as a reset: an end of stream in its place would make a truncated answer look complete.
    @Suite struct ResetTests {
        @Test(arguments: Side.allCases)
        func resetOfAnIdleSession_arrivesAsReset(side: Side) throws {
            try withPlane { plane in
                let session = try plane.open()
                try session.client.send("hello")
                #expect(try session.upstream.receive(count: 5) == "hello")
                let (resetter, witness) = side.split(session)
                resetter.reset()
                #expect(try witness.drain() == (0, .reset))
                let end = try plane.log.end(of: session.number)
                #expect(end.reason == side.reason)
                #expect(end.error == ECONNRESET)
                #expect(end.bytes_up == 5 && end.bytes_down == 0)
            }
        }

        @Test(arguments: Side.allCases)
        func resetWithBytesInFlight_arrivesAsReset(side: Side) throws {
            try withPlane { plane in
                let session = try plane.open()
                let stream = ByteStream(seed: 3)
                let (resetter, witness) = side.split(session)
                let sender = Worker {
                    try resetter.send(stream, count: 4_000_000)
                    resetter.reset()
                }
                #expect(try witness.drain().end == .reset)
                try sender.value()
                #expect(try plane.log.end(of: session.number).reason == side.reason)
            }
        }

        /// The far side takes nothing, so no read or write of ours can meet the error.
        @Test(arguments: Side.allCases)
        func resetWhileTheOtherSideDoesNotRead_endsTheSession(side: Side) throws {
            try withPlane { plane in
                let session = try plane.open()
                let (resetter, witness) = side.split(session)
                let sent = try resetter.sendUntilBlocked(ByteStream(seed: 4), limit: 256 << 20)
                #expect(sent < 256 << 20)
                resetter.reset()
                #expect(try plane.log.end(of: session.number).reason == side.reason)
                let (bytes, end) = try witness.drain()
                #expect(end == .reset)
                #expect(bytes < sent)
            }
        }

        /// Both are stuck: each sends and neither reads.
        @Test func resetWhileBothSidesAreStuck_endsTheSession() throws {
            try withPlane { plane in
                let session = try plane.open()
                _ = try session.client.sendUntilBlocked(ByteStream(seed: 5), limit: 256 << 20)
                _ = try session.upstream.sendUntilBlocked(ByteStream(seed: 6), limit: 256 << 20)
                session.upstream.reset()
                #expect(try plane.log.end(of: session.number).reason == .CSP_END_UPSTREAM_RESET)
                #expect(try session.client.drain().end == .reset)
            }
        }

        @Test(arguments: Side.allCases)
        func resetAfterItsOwnHalfClose_arrivesAsReset(side: Side) throws {
            try withPlane { plane in
                let session = try plane.open()
                let (resetter, witness) = side.split(session)
                try resetter.shutdownWrite()
                #expect(try witness.receiveToEnd() == "")
                resetter.reset()
                #expect(try plane.log.end(of: session.number).reason == side.reason)
                try witness.wait(for: Int16(POLLERR), operation: "reset", deadline: Deadline())
                #expect(try witness.option(SOL_SOCKET, SO_ERROR) != 0)
            }
        }

        /// Closing with unread bytes makes the kernel send a reset after the last answer; a client that talks to the
        /// server directly still gets that answer.
        @Test(arguments: 0..<20)
        func answerBeforeAReset_isDelivered(round: Int) throws {
            try withPlane { plane in
                let session = try plane.open()
                let upload = ByteStream(seed: UInt64(round))
                _ = try session.client.sendUntilBlocked(upload, limit: 256 << 20, quiet: .milliseconds(20))
                try session.upstream.send("no more, thank you")
                session.upstream.close()
                #expect(try session.client.drain() == (18, .reset))
                #expect(try plane.log.end(of: session.number).reason == .CSP_END_UPSTREAM_RESET)
            }
        }

        @Test(arguments: [true, false])
        func orderedClose_resetsOrEnds(reset: Bool) throws {
            try withPlane { plane in
                let session = try plane.open()
                try session.client.send("abc")
                #expect(try session.upstream.receive(count: 3) == "abc")
                let number = session.number
                let ended = plane.perform(on: session) { loop in
                    var ended = csp_event()
                    return csp_session_close(loop.pointer, number, reset, &ended) == 0 ? ended : nil
                }
                let event = try #require(ended)
                #expect(event.kind == .CSP_EVENT_ENDED)
                #expect(event.reason == .CSP_END_ORDERED)
                #expect(event.session == session.number)
                #expect(event.bytes_up == 3 && event.bytes_down == 0)
                #expect(try session.client.drain() == (0, reset ? .reset : .endOfStream))
                #expect(try session.upstream.drain() == (0, reset ? .reset : .endOfStream))
                #expect(plane.log.count(of: .CSP_EVENT_ENDED) == 0, "the answer of the order is all")
            }
        }

        /// A unix socket knows no reset, but its client must not wait for ever.
        @Test func upstreamReset_endsAUnixClient() throws {
            try withPlane(entrance: .unix) { plane in
                let session = try plane.open()
                session.upstream.reset()
                _ = try session.client.drain()
                #expect(try plane.log.end(of: session.number).reason == .CSP_END_UPSTREAM_RESET)
            }
        }
    }
}

/// Which side of a session acts.
enum Side: CaseIterable, Sendable {
    case client, upstream

    /// The acting peer and the other one.
    func split(_ session: OpenSession) -> (Peer, Peer) {
        self == .client ? (session.client, session.upstream) : (session.upstream, session.client)
    }

    /// How the end is told when this side resets.
    var reason: csp_end_reason { self == .client ? .CSP_END_DOWNSTREAM_RESET : .CSP_END_UPSTREAM_RESET }
}
