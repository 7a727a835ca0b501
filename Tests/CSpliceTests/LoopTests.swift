import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct LoopTests {
        @Test func wake_endsTheWait_withoutEvents() throws {
            try withBareLoop { loop, _ in
                for _ in 0..<100 {
                    let waker = Worker { csp_loop_wake(loop.pointer) }
                    let begin = ContinuousClock.now
                    #expect(wait(loop, timeout: 10_000).isEmpty)
                    #expect(ContinuousClock.now - begin < .seconds(5))
                    let woken = try waker.value()
                    #expect(woken == 0)
                }
            }
        }

        @Test func wakesBeforeTheWait_areNotLost_andCountOnce() throws {
            try withBareLoop { loop, _ in
                for _ in 0..<1000 { #expect(csp_loop_wake(loop.pointer) == 0) }
                let begin = ContinuousClock.now
                #expect(wait(loop, timeout: 10_000).isEmpty)
                #expect(ContinuousClock.now - begin < .seconds(5))
                let again = ContinuousClock.now
                #expect(wait(loop, timeout: 50).isEmpty)
                #expect(ContinuousClock.now - again >= .milliseconds(45))
            }
        }

        /// However long the caller was away since the last wait.
        @Test func timeout_countsFromTheCall() throws {
            try withBareLoop { loop, _ in
                _ = wait(loop, timeout: 0)
                usleep(400_000)  // the caller's own work
                let begin = ContinuousClock.now
                #expect(wait(loop, timeout: 50).isEmpty)
                let waited = ContinuousClock.now - begin
                #expect(waited >= .milliseconds(45) && waited < .milliseconds(300), "\(waited)")
            }
        }

        @Test func timeoutOfZero_looksOnce() throws {
            try withBareLoop { loop, entrance in
                #expect(wait(loop, timeout: 0).isEmpty)
                let client = try Peer(connectedTo: entrance)
                #expect(eventually { wait(loop, timeout: 0).contains { $0.kind == .CSP_EVENT_ACCEPTED } })
                client.close()
            }
        }

        @Test func smallCapacity_keepsTheOtherEvents() throws {
            try withBareLoop { loop, entrance in
                let clients = try (0..<10).map { _ in try Peer(connectedTo: entrance) }
                var events: [csp_event] = []
                let deadline = Deadline()
                while events.count < 10 && !deadline.hasPassed {
                    let next = wait(loop, timeout: 100, capacity: 1)
                    #expect(next.count <= 1)
                    events += next
                }
                #expect(events.count { $0.kind == .CSP_EVENT_ACCEPTED } == clients.count)
                #expect(Set(events.map(\.session)).count == clients.count)
            }
        }

        @Test func idleLoops_doNotTurn() throws {
            try withPlane(loops: 2) { plane in
                let idle = try plane.open()
                let halfClosed = try plane.open()
                try halfClosed.client.shutdownWrite()
                #expect(try halfClosed.upstream.receiveToEnd() == "")
                let stuck = try plane.open()
                _ = try stuck.client.sendUntilBlocked(ByteStream(seed: 50), limit: 256 << 20)
                let unixDoor = try plane.listen(.unix).1
                let overUnix = try plane.open(through: unixDoor)
                try overUnix.upstream.shutdownWrite()
                #expect(try overUnix.client.receiveToEnd() == "")
                // Window probes and the like may still wake a loop once or twice.
                let turns = plane.total(\.turns)
                #expect(!eventually(within: .milliseconds(700)) { plane.total(\.turns) > turns + 5 })
                try idle.client.send("awake")
                #expect(try idle.upstream.receive(count: 5) == "awake")
            }
        }

        @Test func turns_growWithWork() throws {
            try withPlane { plane in
                let session = try plane.open()
                let before = plane.total(\.turns)
                for _ in 0..<10 {
                    try session.client.send("x")
                    #expect(try session.upstream.receive(count: 1) == "x")
                }
                #expect(plane.total(\.turns) >= before + 10)
            }
        }
    }
}

/// A plane of one loop that the test itself runs.
private func withBareLoop(_ body: (LoopHandle, Destination) throws -> Void) throws {
    var options = csp_options_default()
    var created: OpaquePointer?
    try #require(csp_plane_create(&options, &created) == 0)
    let plane = try #require(created)
    defer { csp_plane_destroy(plane) }
    var address = csp_address.loopback4()
    let listener = csp_plane_listen(plane, &address)
    try #require(listener >= 0)
    try #require(csp_plane_listener_address(plane, UInt32(listener), &address) == 0)
    try body(LoopHandle(pointer: csp_plane_loop(plane, 0), index: 0), .ip(address))
}

private func wait(_ loop: LoopHandle, timeout: Int32, capacity: Int = 64) -> [csp_event] {
    var events = [csp_event](repeating: csp_event(), count: capacity)
    let count = csp_loop_wait(loop.pointer, &events, UInt32(capacity), timeout)
    return Array(events.prefix(Int(max(count, 0))))
}
