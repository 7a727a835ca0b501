import CSplice
import GatewayTesting
import Glibc
import Synchronization
import Testing

extension DataPlaneTests {
    @Suite struct BalanceTests {
        /// Two bulk flows on one loop while the other sleeps: one of them moves, and every byte arrives.
        @Test func twoHeavySessions_doNotShareALoopForLong() throws {
            try withPlane(loops: 2) { plane in
                var sessions = try (0..<2).map { _ in try plane.open() }
                for index in sessions.indices where sessions[index].loop != 0 {
                    try plane.move(&sessions[index], to: 0)
                }
                #expect(plane.loops.map { $0.handle.counters().sessions } == [2, 0])

                let flows = sessions.map(Flow.init)
                #expect(eventually { plane.total(\.moved) > 0 }, "one of them moves")
                #expect(eventually { plane.loops.map { $0.handle.counters().sessions } == [1, 1] })
                for flow in flows { try flow.finish() }
            }
        }

        /// One heavy session is no reason: it would only keep another loop busy.
        @Test func oneHeavySession_stays() throws {
            try withPlane(loops: 2) { plane in
                let flow = Flow(try plane.open())
                usleep(1_500_000)  // several times as long as a loop takes to find out that it is busy
                try flow.finish()
                #expect(plane.total(\.moved) == 0)
            }
        }

        @Test func sessionsThatArriveAtAnEndpointBeingReset_areReset() throws {
            try withPlane(loops: 2) { plane in
                var sessions = try (0..<2).map { _ in try plane.open() }
                for index in sessions.indices where sessions[index].loop != 0 {
                    try plane.move(&sessions[index], to: 0)
                }
                let mark = plane.log.mark
                let flows = sessions.map(Flow.init)
                // The other loop carries the order out, and has none of its own, until one of them is on its way.
                let hasEnded = eventually {
                    if plane.total(\.moved) == 0 {
                        _ = plane.loops[1].perform { csp_loop_reset_endpoint($0.pointer, 0, 100) }
                    }
                    return plane.total(\.ended) > 0
                }
                #expect(hasEnded)
                let end = try plane.log.first(.CSP_EVENT_ENDED, after: mark).event
                #expect(end.reason == .CSP_END_ORDERED)
                for flow in flows { flow.abandon() }
            }
        }
    }
}

/// A client that sends as fast as it can, and a server that compares: a byte lost, doubled or out of order is found.
private final class Flow: Sendable {
    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    /// Repeats itself after a prime number of bytes, so that no buffer size hides a shift.
    private static let period = 65_521
    private static let pattern: [UInt8] = {
        var generator = SeededGenerator(seed: 7)
        let once = (0..<period).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return once + once
    }()

    private let session: OpenSession
    private let stop = Flag()
    private let sender: Worker<Int>
    private let receiver: Worker<Int>

    init(_ session: OpenSession) {
        self.session = session
        sender = Worker { [stop] in try Self.send(from: session.client, until: stop) }
        receiver = Worker { try Self.receive(at: session.upstream) }
    }

    /// Ends the stream, and throws unless all of it has arrived.
    func finish() throws {
        stop.isSet.store(true, ordering: .relaxed)
        let sent = try sender.value()
        let received = try receiver.value()
        guard sent == received, sent > 0 else { throw SocketFailure.endedEarly(after: received) }
    }

    /// Ends it, whatever has become of it.
    func abandon() {
        stop.isSet.store(true, ordering: .relaxed)
        _ = try? sender.value()
        _ = try? receiver.value()
    }

    private static func send(from peer: Peer, until stop: Flag) throws -> Int {
        var count = 0
        while !stop.isSet.load(ordering: .relaxed) {
            let start = count % period
            try pattern.withUnsafeBytes {
                try peer.sendAll(UnsafeRawBufferPointer(rebasing: $0[start..<start + period]))
            }
            count += period
        }
        try peer.shutdownWrite()
        return count
    }

    private static func receive(at peer: Peer) throws -> Int {
        var count = 0
        var buffer = [UInt8](repeating: 0, count: period)
        while true {
            let got = try buffer.withUnsafeMutableBytes { try peer.receive(into: $0) }
            guard got > 0 else { return count }
            let isRight = pattern.withUnsafeBufferPointer { pattern in
                guard let start = pattern.baseAddress else { preconditionFailure("it is not empty") }
                return memcmp(buffer, start + count % period, got) == 0
            }
            guard isRight else { throw SocketFailure.wrongBytes(near: count) }
            count += got
        }
    }
}
