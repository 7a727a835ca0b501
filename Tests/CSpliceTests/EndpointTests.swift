import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct EndpointTests {
        @Test func bytes_areCountedPerSlot() throws {
            try withPlaneOfSlots([7, 1023]) { plane in
                let (first, second) = try (plane.open(), plane.open())
                try first.client.send("12345")
                #expect(try first.upstream.receive(count: 5) == "12345")
                try second.upstream.send("123")
                #expect(try second.client.receive(count: 3) == "123")
                let loop = plane.loops[0].handle
                #expect(eventually { loop.endpoint(7).bytes_up == 5 && loop.endpoint(1023).bytes_down == 3 })
                #expect(loop.endpoint(7).bytes_down == 0 && loop.endpoint(1023).bytes_up == 0)
                #expect(loop.endpoint(7).sessions == 1 && loop.endpoint(1023).sessions == 1)
                #expect(loop.endpoint(7).last_received_ns == 0 && loop.endpoint(1023).last_received_ns > 0)
                #expect(loop.endpoint(0).sessions == 0)
            }
        }

        @Test func unansweredSince_isSetByTheFirstByte_andClearedByAnAnswer() throws {
            try withPlaneOfSlots([3]) { plane in
                let session = try plane.open()
                let loop = plane.loops[0].handle
                #expect(loop.endpoint(3).unanswered_since_ns == 0)
                let before = monotonicNow()
                try session.client.send("question")
                #expect(try session.upstream.receive(count: 8) == "question")
                #expect(eventually { loop.endpoint(3).unanswered_since_ns != 0 })
                let since = loop.endpoint(3).unanswered_since_ns
                #expect(since >= before && since <= monotonicNow())
                try session.client.send("well?")
                #expect(try session.upstream.receive(count: 5) == "well?")
                #expect(eventually { loop.endpoint(3).bytes_up == 13 })
                #expect(loop.endpoint(3).unanswered_since_ns == since, "the first byte counts")
                let answered = monotonicNow()
                try session.upstream.send("answer")
                #expect(try session.client.receive(count: 6) == "answer")
                #expect(eventually { loop.endpoint(3).unanswered_since_ns == 0 })
                #expect(loop.endpoint(3).last_received_ns >= answered)
            }
        }

        /// Nobody waits any more, so nothing is owed; otherwise an idle endpoint would look suspicious for ever.
        @Test(arguments: [true, false])
        func unansweredSince_endsWithTheLastSession(isTaken: Bool) throws {
            try withPlaneOfSlots([3]) { plane in
                let session = try plane.open()
                let loop = plane.loops[0].handle
                try session.client.send("question")
                #expect(try session.upstream.receive(count: 8) == "question")
                #expect(eventually { loop.endpoint(3).unanswered_since_ns != 0 })
                if isTaken {
                    let record = try plane.take(session.number, from: 0).get()
                    close(record.downstream)
                    close(record.upstream)
                } else {
                    session.client.reset()
                    _ = try plane.log.end(of: session.number)
                }
                #expect(loop.endpoint(3).sessions == 0)
                #expect(loop.endpoint(3).unanswered_since_ns == 0)
            }
        }

        @Test func clearedSlot_hasForgotten() throws {
            try withPlaneOfSlots([3]) { plane in
                let session = try plane.open()
                let loop = plane.loops[0].handle
                try session.client.send("question")
                #expect(try session.upstream.receive(count: 8) == "question")
                try session.upstream.send("answer")
                #expect(try session.client.receive(count: 6) == "answer")
                session.client.reset()
                _ = try plane.log.end(of: session.number)
                #expect(loop.endpoint(3).bytes_up == 8)
                plane.loops[0].perform { csp_loop_clear_endpoint($0.pointer, 3) }
                let cleared = loop.endpoint(3)
                #expect(cleared.bytes_up == 0 && cleared.bytes_down == 0 && cleared.last_received_ns == 0)
            }
        }

        @Test func resetOfASlot_resetsItsSessionsOnly() throws {
            try withPlaneOfSlots([1, 2]) { plane in
                let sessions = try (0..<20).map { _ in try plane.open() }
                let (doomed, spared) = (sessions.every(second: 0), sessions.every(second: 1))
                #expect(plane.loops[0].perform { csp_loop_reset_endpoint($0.pointer, 1, 4) } == 4)
                #expect(plane.loops[0].handle.endpoint(1).sessions == 6)
                #expect(plane.loops[0].perform { csp_loop_reset_endpoint($0.pointer, 1, 100) } == 6)
                #expect(plane.loops[0].perform { csp_loop_reset_endpoint($0.pointer, 1, 100) } == 0)
                for session in doomed {
                    let end = try plane.log.end(of: session.number)
                    #expect(end.reason == .CSP_END_ORDERED && end.endpoint == 1)
                    #expect(try session.client.drain() == (0, .reset))
                    #expect(try session.upstream.drain() == (0, .reset))
                }
                for session in spared {
                    try session.client.send("alive")
                    #expect(try session.upstream.receive(count: 5) == "alive")
                }
                #expect(plane.log.count(of: .CSP_EVENT_ENDED) == doomed.count)
            }
        }

        /// More sessions than the event queue holds: no event is lost when the caller asks again.
        @Test func resetOfManySessions_tellsEachEnd() throws {
            try withPlaneOfSlots([1]) { plane in
                let sessions = try (0..<1500).map { _ in try plane.open() }
                var left = sessions.count
                while left > 0 {
                    let count = plane.loops[0].perform { csp_loop_reset_endpoint($0.pointer, 1, .max) }
                    #expect(count >= 0)
                    left -= Int(count)
                }
                #expect(eventually { plane.log.count(of: .CSP_EVENT_ENDED) == sessions.count })
                let told = Set(plane.log.all(of: .CSP_EVENT_ENDED).map(\.event.session))
                #expect(told == Set(sessions.map(\.number)))
            }
        }

        @Test func anySession_isOneOfTheSlot() throws {
            try withPlaneOfSlots([1, 2]) { plane in
                #expect(plane.loops[0].perform { csp_loop_any_session($0.pointer, 1) } == 0)
                let (first, second) = try (plane.open(), plane.open())
                #expect(plane.loops[0].perform { csp_loop_any_session($0.pointer, 1) } == first.number)
                #expect(plane.loops[0].perform { csp_loop_any_session($0.pointer, 2) } == second.number)
                first.client.reset()
                _ = try plane.log.end(of: first.number)
                #expect(plane.loops[0].perform { csp_loop_any_session($0.pointer, 1) } == 0)
            }
        }

        /// Also those of a session's last turn, whatever ended it.
        @Test func bytesOfAllEnds_addUp() throws {
            try withPlane { plane in
                let stream = ByteStream(seed: 60)
                for number in 0..<60 {
                    let session = try plane.open()
                    try session.upstream.send("welcome")
                    _ = try session.client.sendUntilBlocked(stream, limit: 300_000, quiet: .milliseconds(1))
                    if number % 3 == 0 { session.client.reset() }
                    if number % 3 == 1 { session.upstream.reset() }
                    if number % 3 == 2 { session.client.close() }
                    session.upstream.close()
                    _ = try plane.log.end(of: session.number)
                }
                let ends = plane.log.all(of: .CSP_EVENT_ENDED).map(\.event)
                let endpoint = plane.loops[0].handle.endpoint(0)
                #expect(endpoint.bytes_up == ends.reduce(0) { $0 + $1.bytes_up })
                #expect(endpoint.bytes_down == ends.reduce(0) { $0 + $1.bytes_down })
            }
        }

        @Test func movedSession_isCountedWhereItLives() throws {
            try withPlane(loops: 2) { plane in
                var session = try plane.open()
                let (from, to) = (plane.loops[session.loop].handle, plane.loops[1 - session.loop].handle)
                #expect(from.endpoint(0).sessions == 1 && to.endpoint(0).sessions == 0)
                try plane.move(&session, to: to.index)
                #expect(from.endpoint(0).sessions == 0 && to.endpoint(0).sessions == 1)
                #expect(plane.loops[session.loop].perform { csp_loop_any_session($0.pointer, 0) } == session.number)
            }
        }
    }
}

/// A plane of one loop whose sessions are counted under these slots in turn.
private func withPlaneOfSlots<Value>(_ slots: [UInt32], _ body: (PlaneUnderTest) throws -> Value) throws -> Value {
    let server = try UpstreamServer()
    let count = Guarded(0)
    return try withPlane(
        server: server,
        handler: { [address = server.address] loop, event in
            guard event.kind == .CSP_EVENT_ACCEPTED else { return }
            let number = count.withLock { count in
                defer { count += 1 }
                return count
            }
            let result = loop.dial(event.session, address, endpoint: slots[number % slots.count])
            precondition(result == 0, "dial: \(result)")
        }, body)
}

private func monotonicNow() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

extension [OpenSession] {
    /// Those at even (0) or odd (1) places.
    fileprivate func every(second offset: Int) -> [OpenSession] {
        enumerated().filter { $0.offset % 2 == offset }.map(\.element)
    }
}
