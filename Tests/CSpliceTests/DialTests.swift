import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct DialTests {
        // MARK: the client leaves, or only seems to

        @Test func clientResets_whileTheDialWaits_hasLeft() throws {
            let silent = try SilentServer()
            try withPlane(server: silent.server) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                let accepted = try plane.log.first(.CSP_EVENT_ACCEPTED)
                client.reset()
                let end = try plane.log.end(of: accepted.event.session, within: .seconds(2))
                #expect(end.reason == .CSP_END_CLIENT_LEFT)
                #expect(end.endpoint == CSP_ENDPOINT_NONE)
            }
        }

        @Test func clientSendsAndResets_whileTheDialWaits_hasLeft() throws {
            let silent = try SilentServer()
            try withPlane(server: silent.server) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                try client.send("never mind")
                let accepted = try plane.log.first(.CSP_EVENT_ACCEPTED)
                client.reset()
                let end = try plane.log.end(of: accepted.event.session, within: .seconds(2))
                #expect(end.reason == .CSP_END_CLIENT_LEFT)
            }
        }

        @Test(arguments: [PlaneUnderTest.Entrance.ipv4, .unix])
        func clientClosesWithoutAByte_whileTheDialWaits_hasLeft(entrance: PlaneUnderTest.Entrance) throws {
            let silent = try SilentServer()
            try withPlane(entrance: entrance, server: silent.server) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                let accepted = try plane.log.first(.CSP_EVENT_ACCEPTED)
                client.close()
                let end = try plane.log.end(of: accepted.event.session, within: .seconds(2))
                #expect(end.reason == .CSP_END_CLIENT_LEFT)
                #expect(end.bytes_up == 0 && end.bytes_down == 0)
            }
        }

        @Test func clientGoneBeforeItIsAccepted_hasLeft() throws {
            try withPlane(handler: { _, _ in }) { plane in
                try Peer(connectedTo: plane.entrance).close()
                let accepted = try plane.log.first(.CSP_EVENT_ACCEPTED)
                #expect(try plane.log.end(of: accepted.event.session).reason == .CSP_END_CLIENT_LEFT)
            }
        }

        @Test(arguments: [PlaneUnderTest.Entrance.ipv4, .unix])
        func clientHalfClosesAfterItsRequest_isServed(entrance: PlaneUnderTest.Entrance) throws {
            let silent = try SilentServer()
            try withPlane(entrance: entrance, server: silent.server) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                try client.send("question")
                try client.shutdownWrite()
                let accepted = try plane.log.first(.CSP_EVENT_ACCEPTED)
                #expect(staysUnchanged(for: .milliseconds(100)) { plane.log.count(of: .CSP_EVENT_ENDED) })
                let upstream = try silent.answer()
                #expect(try upstream.receiveToEnd() == "question")
                try upstream.send("answer")
                upstream.close()
                #expect(try client.receiveToEnd() == "answer")
                let end = try plane.log.end(of: accepted.event.session)
                #expect(end.reason == .CSP_END_FINISHED)
                #expect(end.bytes_up == 8 && end.bytes_down == 6)
            }
        }

        @Test func heldClient_isServedOnceWithItsBytes() throws {
            try withPlane(handler: { _, _ in }) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                let request = ByteStream(seed: 11)
                let sent = try client.sendUntilBlocked(request, limit: 256 << 20, quiet: .milliseconds(50))
                #expect(sent > 0)
                let session = try plane.log.first(.CSP_EVENT_ACCEPTED).event.session
                let address = plane.server.address
                #expect(plane.loops[0].perform { $0.dial(session, address, attempt: 77, endpoint: 9) } == 0)
                let upstream = try plane.server.accept()
                try upstream.receive(request, count: sent)
                let opened = try plane.log.first(.CSP_EVENT_OPENED).event
                #expect(opened.session == session)
                #expect(opened.attempt == 77 && opened.endpoint == 9 && opened.error == 0)
                #expect(opened.elapsed_ns < 5_000_000_000)
            }
        }

        // MARK: several attempts

        @Test func hedgedDials_theFirstToConnectWins_theOtherIsClosed() throws {
            let silent = try SilentServer()
            try withPlane(handler: { _, _ in }) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                let session = try plane.log.first(.CSP_EVENT_ACCEPTED).event.session
                let (slow, quick) = (silent.address, plane.server.address)
                #expect(plane.loops[0].perform { $0.dial(session, slow, attempt: 1, endpoint: 1) } == 0)
                #expect(plane.loops[0].perform { $0.dial(session, quick, attempt: 2, endpoint: 2) } == 0)
                let opened = try plane.log.first(.CSP_EVENT_OPENED).event
                #expect(opened.attempt == 2 && opened.endpoint == 2)
                let upstream = try plane.server.accept()
                try client.send("hello")
                #expect(try upstream.receive(count: 5) == "hello")
                #expect(plane.log.count(of: .CSP_EVENT_DIAL_FAILED) == 0)
                #expect(plane.loops[0].perform { csp_session_cancel_dial($0.pointer, session, 1) } == -ENOENT)
                #expect(plane.loops[0].perform { $0.dial(session, quick) } == -EISCONN)
                #expect(plane.loops[0].perform { $0.endpoint(1).sessions } == 0)
                #expect(plane.loops[0].perform { $0.endpoint(2).sessions } == 1)
            }
        }

        /// Both connect in one batch of events: one wins, and the other server sees its connection end.
        @Test(arguments: 0..<30)
        func twoDialsThatConnectAtOnce_oneWins(round: Int) throws {
            let other = try UpstreamServer()
            try withPlane(
                handler: { [first = other.address] loop, event in
                    guard event.kind == .CSP_EVENT_ACCEPTED else { return }
                    _ = loop.dial(event.session, first, attempt: 1, endpoint: 1)
                },
                { plane in
                    let second = plane.server.address
                    // The order is carried out after the dial above, in the same turn or one later.
                    let client = try Peer(connectedTo: plane.entrance)
                    let session = try plane.log.first(.CSP_EVENT_ACCEPTED).event.session
                    let result = plane.loops[0].perform { $0.dial(session, second, attempt: 2, endpoint: 2) }
                    #expect(result == 0 || result == -EISCONN)
                    let opened = try plane.log.first(.CSP_EVENT_OPENED).event
                    let winner = try opened.attempt == 1 ? other.accept() : plane.server.accept()
                    try client.send("x")
                    #expect(try winner.receive(count: 1) == "x")
                    if result == 0 {
                        let loser = try opened.attempt == 1 ? plane.server.accept() : other.accept()
                        #expect(try loser.drain().bytes == 0)
                    }
                    #expect(plane.log.count(of: .CSP_EVENT_OPENED) == 1)
                })
        }

        @Test func cancelledDial_isNeverHeardOf() throws {
            let silent = try SilentServer()
            try withPlane(handler: { _, _ in }) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                let session = try plane.log.first(.CSP_EVENT_ACCEPTED).event.session
                let (slow, quick) = (silent.address, plane.server.address)
                #expect(plane.loops[0].perform { $0.dial(session, slow, attempt: 5) } == 0)
                #expect(plane.loops[0].perform { csp_session_cancel_dial($0.pointer, session, 4) } == -ENOENT)
                #expect(plane.loops[0].perform { csp_session_cancel_dial($0.pointer, session, 5) } == 0)
                #expect(plane.loops[0].perform { csp_session_cancel_dial($0.pointer, session, 5) } == -ENOENT)
                #expect(plane.loops[0].perform { csp_session_cancel_dial($0.pointer, session + 1, 5) } == -ENOENT)
                #expect(plane.loops[0].perform { $0.dial(session, quick, attempt: 6) } == 0)
                #expect(try plane.log.first(.CSP_EVENT_OPENED).event.attempt == 6)
                try client.send("hello")
                #expect(try plane.server.accept().receive(count: 5) == "hello")
                #expect(plane.log.count(of: .CSP_EVENT_DIAL_FAILED) == 0)
            }
        }

        @Test func manyAttempts_areCancelledInAnyOrder() throws {
            let silent = try SilentServer()
            try withPlane(handler: { _, _ in }) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                let session = try plane.log.first(.CSP_EVENT_ACCEPTED).event.session
                let (slow, quick) = (silent.address, plane.server.address)
                for attempt in UInt32(1)...5 {
                    #expect(plane.loops[0].perform { $0.dial(session, slow, attempt: attempt) } == 0)
                }
                for attempt in [UInt32(3), 5, 1] {
                    let result = plane.loops[0].perform { csp_session_cancel_dial($0.pointer, session, attempt) }
                    #expect(result == 0)
                }
                #expect(plane.loops[0].perform { $0.dial(session, quick, attempt: 6) } == 0)
                #expect(try plane.log.first(.CSP_EVENT_OPENED).event.attempt == 6)
                try client.send("hello")
                #expect(try plane.server.accept().receive(count: 5) == "hello")
            }
        }

        // MARK: dials that fail

        @Test(arguments: [csp_address.loopback4(), .loopback6()])
        func refusedDial_isTold_andTheNextOneServesTheClient(host: csp_address) throws {
            let refusing = try UpstreamServer(at: host)
            refusing.close()
            try withPlane(handler: { _, _ in }) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                try client.send("only once")
                let session = try plane.log.first(.CSP_EVENT_ACCEPTED).event.session
                let (dead, living) = (refusing.address, plane.server.address)
                let result = plane.loops[0].perform { $0.dial(session, dead, attempt: 1, endpoint: 3) }
                if result == 0 {
                    let failed = try plane.log.first(.CSP_EVENT_DIAL_FAILED).event
                    #expect(failed.session == session && failed.attempt == 1 && failed.endpoint == 3)
                    #expect(failed.error == ECONNREFUSED)
                } else {
                    #expect(result == -ECONNREFUSED)
                }
                #expect(plane.loops[0].handle.counters().dial_failures == 1)
                #expect(plane.loops[0].perform { $0.dial(session, living, attempt: 2) } == 0)
                let upstream = try plane.server.accept()
                try client.shutdownWrite()
                #expect(try upstream.receiveToEnd() == "only once")
            }
        }

        @Test func unreachableNetwork_isRefusedAtOnce() throws {
            try withPlane(handler: { _, _ in }) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                let session = try plane.log.first(.CSP_EVENT_ACCEPTED).event.session
                let nowhere = csp_address.ipv4(255, 255, 255, 255, port: 1)  // connect(2) does not broadcast
                let result = plane.loops[0].perform { $0.dial(session, nowhere) }
                #expect([-ENETUNREACH, -EACCES, -EHOSTUNREACH].contains(result))
                let living = plane.server.address
                #expect(plane.loops[0].perform { $0.dial(session, living) } == 0)
                try client.send("x")
                #expect(try plane.server.accept().receive(count: 1) == "x")
            }
        }

        @Test func wrongOrders_areRefused() throws {
            try withPlane(handler: { _, _ in }) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                let session = try plane.log.first(.CSP_EVENT_ACCEPTED).event.session
                let living = plane.server.address
                let tooHigh = UInt32(CSP_ENDPOINTS_MAX)
                #expect(plane.loops[0].perform { $0.dial(session, living, endpoint: tooHigh) } == -EINVAL)
                #expect(plane.loops[0].perform { $0.dial(session + 1, living) } == -ENOENT)
                #expect(plane.loops[0].perform { $0.dial(0, living) } == -ENOENT)
                #expect(plane.loops[0].perform { $0.dial(.max, living) } == -ENOENT)
                client.close()
            }
        }

        @Test func closedWhileDialing_takesTheDialWithIt() throws {
            let silent = try SilentServer()
            try withPlane(server: silent.server) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                let session = try plane.log.first(.CSP_EVENT_ACCEPTED).event.session
                #expect(plane.loops[0].perform { csp_session_close($0.pointer, session, true, nil) } == 0)
                #expect(try client.drain() == (0, .reset))
                #expect(plane.log.count(of: .CSP_EVENT_ENDED) == 0)
                #expect(plane.loops[0].handle.counters().sessions == 0)
            }
        }
    }
}
