import CSplice
import GatewayTesting
import Glibc
import Testing

extension DataPlaneTests {
    /// The list of live sessions, and counters that others may read.
    @Suite struct ListTests {
        private func list(_ loop: LoopHandle, capacity: UInt32 = 256) -> (sessions: [csp_session_summary], calls: Int) {
            var (all, cursor, calls) = ([csp_session_summary](), UInt32(0), 0)
            while cursor != .max, calls < 1000 {
                var some = [csp_session_summary](repeating: csp_session_summary(), count: Int(capacity))
                let count = csp_loop_list(loop.pointer, &cursor, &some, capacity)
                all += some.prefix(Int(count))
                calls += 1
            }
            return (all, calls)
        }

        private func port(of peer: Peer) -> UInt16 {
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(peer.descriptor, $0, &length) }
            }
            #expect(result == 0)
            return UInt16(bigEndian: address.sin_port)
        }

        @Test func emptyLoop_hasNone() throws {
            try withPlane { plane in
                #expect(plane.loops[0].perform { list($0).sessions.isEmpty })
            }
        }

        @Test func eachSession_isListedOnce_withItsBytes_itsClient_andItsState() throws {
            try withPlane { plane in
                let sessions = try (0..<5).map { _ in try plane.open() }
                try sessions[0].client.send("question")
                #expect(try sessions[0].upstream.receive(count: 8) == "question")
                try sessions[1].client.shutdownWrite()
                #expect(try sessions[1].upstream.drain() == (0, .endOfStream))
                try sessions[2].upstream.shutdownWrite()
                #expect(try sessions[2].client.drain() == (0, .endOfStream))

                let listed = plane.loops[0].perform { list($0).sessions }
                #expect(Set(listed.map(\.session)) == Set(sessions.map(\.number)) && listed.count == 5)
                let byNumber = Dictionary(uniqueKeysWithValues: listed.map { ($0.session, $0) })
                let first = try #require(byNumber[sessions[0].number])
                #expect(first.bytes_up == 8 && first.bytes_down == 0 && first.state == .CSP_SESSION_OPEN)
                #expect(first.client.port == port(of: sessions[0].client) && !first.is_unix && first.idle_ms < 60_000)
                #expect(first.accepted_at_ns > 0)
                #expect(byNumber[sessions[1].number]?.state == .CSP_SESSION_CLIENT_DONE)
                #expect(byNumber[sessions[2].number]?.state == .CSP_SESSION_ENDPOINT_DONE)
            }
        }

        @Test func smallCapacity_takesMoreCalls_andSeesTheSame() throws {
            try withPlane { plane in
                let sessions = try (0..<20).map { _ in try plane.open() }
                let (listed, calls) = plane.loops[0].perform { list($0, capacity: 3) }
                #expect(Set(listed.map(\.session)) == Set(sessions.map(\.number)) && listed.count == 20)
                #expect(calls >= 7)
            }
        }

        @Test func oneCall_looksAtABoundedNumberOfSlots() throws {
            try withPlane { plane in
                let sessions = try (0..<300).map { _ in try plane.open() }
                let (listed, calls) = plane.loops[0].perform { list($0, capacity: 1000) }
                #expect(listed.count == sessions.count && calls == 2, "two pieces of 256 slots")
            }
        }

        @Test func clientOfAUnixSocket_isToldApart() throws {
            try withPlane(entrance: .unix) { plane in
                let session = try plane.open()
                let listed = plane.loops[0].perform { list($0).sessions }
                #expect(listed.map(\.session) == [session.number] && listed.first?.is_unix == true)
            }
        }

        @Test func tally_countsAtEachPlaceByItself() throws {
            let tally = try #require(csp_tally_create(3))
            defer { csp_tally_destroy(tally) }
            csp_tally_add(tally, 0, 5)
            csp_tally_add(tally, 0, 6)
            csp_tally_set(tally, 2, 7)
            csp_tally_set(tally, 2, 8)
            #expect((0..<3).map { csp_tally_read(tally, $0) } == [11, 0, 8])
            csp_tally_destroy(nil)
        }
    }
}
