import CSplice
import Gateway
import GatewayTesting
import Glibc
import Logging
import Synchronization
import Testing

@testable import GatewayRuntime

/// What a manager hears of a control loop and of loops that live or do not.
struct SupervisionTests {
    /// A thread that comes round when it is woken, unless it is stuck.
    private final class Wheel: Sendable {
        let isStuck = Atomic<Bool>(false)
        let rounds = Atomic<UInt64>(0)

        var watched: Supervision.Watched {
            Supervision.Watched(
                rounds: { self.rounds.load(ordering: .relaxed) },
                wake: { if !self.isStuck.load(ordering: .relaxed) { self.rounds.add(1, ordering: .relaxed) } })
        }
    }

    private static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func supervision(
        _ executor: EventExecutor, _ sink: NotifySink, watchdog: Duration?, _ watched: [Supervision.Watched],
        standing: @escaping @Sendable () -> Standing = { SupervisionTests.standing(0) }
    ) throws -> Supervision {
        Supervision(
            executor: executor, notify: try #require(NotifySocket(path: sink.path)), watchdog: watchdog,
            watched: watched, logger: Self.silent, standing: standing)
    }

    private static func standing(_ sessions: UInt64) -> Standing {
        Standing(good: 1, bad: [], discoveryDomain: nil, sessions: sessions, heldClients: 0)
    }

    /// How often the watchdog is fed while `duration` passes.
    private func feedings(_ sink: NotifySink, in duration: Duration) async throws -> Int {
        let before = sink.values(of: "WATCHDOG").count
        try await Task.sleep(for: duration)  // that nothing happens takes time to see
        return sink.values(of: "WATCHDOG").count - before
    }

    @Test func ready_isSaidOnce_withTheStatus() async throws {
        let (sink, loop) = (try NotifySink(), try LoopUnderTest())
        let wheel = Wheel()
        let supervision = try supervision(loop.executor, sink, watchdog: nil, [wheel.watched])
        await supervision.started()
        await supervision.stopping()
        #expect(wheel.rounds.load(ordering: .relaxed) == 0, "nobody is woken for nothing")
        try await eventually("stopping") { sink.values(of: "STOPPING") == ["1"] }
        #expect(sink.messages.first == "READY=1\nSTATUS=1/1 endpoint, 0 sessions")
        #expect(sink.values(of: "READY") == ["1"])
        #expect(sink.values(of: "WATCHDOG").isEmpty, "nobody wants to be fed")
    }

    @Test func watchdog_isFedWhileAllComeRound_andNotWhileOneIsStuck_norWhileTheControlLoopIs() async throws {
        let (sink, loop) = (try NotifySink(), try LoopUnderTest())
        let wheels = [Wheel(), Wheel()]
        let supervision = try supervision(loop.executor, sink, watchdog: .milliseconds(100), wheels.map(\.watched))
        await supervision.started()
        try await eventually("fed") { sink.values(of: "WATCHDOG").count >= 5 }
        wheels[1].isStuck.store(true, ordering: .relaxed)
        // One look may have been under way, and one round may have been counted already.
        try await eventually("the feeding ends") { try await feedings(sink, in: .milliseconds(500)) == 0 }
        wheels[1].isStuck.store(false, ordering: .relaxed)
        try await eventually("fed again") { try await feedings(sink, in: .milliseconds(200)) > 0 }

        await withCheckedContinuation { stuck in
            loop.executor.post {
                stuck.resume()
                usleep(3_000_000)
            }
        }
        #expect(try await feedings(sink, in: .milliseconds(500)) == 0)
        try await eventually("fed again") { try await feedings(sink, in: .milliseconds(200)) > 0 }
        await supervision.close()
    }

    /// The same with real loops: idle ones are woken and prove it; one whose thread does not come back stops the feeding.
    @Test func realLoops_proveThatTheyLive_andOneThatHangsStopsTheFeeding() async throws {
        let (sink, loop) = (try NotifySink(), try LoopUnderTest())
        let server = try NamingServer("a")
        let hang = Mutex<Bool>(false)
        var options = csp_options_default()
        options.loops = 2
        let plane = try DataPlane(
            options: options, plan: PublishedPlan(.testing([server.address])), held: HeldClients(), accessLog: nil
        ) { _ in while hang.withLock({ $0 }) { usleep(1000) } }
        let listener = try plane.listen(on: SocketAddress(testing: "127.0.0.1:0"))
        let address = try #require(plane.address(ofListener: listener))
        try plane.start()
        defer { plane.stop() }
        let watched = plane.runners.map { runner in
            Supervision.Watched(rounds: { runner.rounds }, wake: { runner.wake() })
        }
        let supervision = try supervision(loop.executor, sink, watchdog: .milliseconds(100), watched)
        await supervision.started()
        try await eventually("fed although all is idle") { sink.values(of: "WATCHDOG").count >= 10 }
        hang.withLock { $0 = true }
        let client = try TestClient(address)
        try await eventually("dialed; the news of it makes one loop hang") { server.accepted == 1 }
        try await Task.sleep(for: .milliseconds(200))
        #expect(try await feedings(sink, in: .milliseconds(500)) == 0)
        hang.withLock { $0 = false }
        #expect(try await client.receive() == .text("a"))
        try await eventually("fed again") { try await feedings(sink, in: .milliseconds(200)) > 0 }
        await supervision.close()
    }

    @Test func status_isSentWhenItChanges_atMostOnceASecond() async throws {
        let (sink, loop) = (try NotifySink(), try LoopUnderTest())
        let sessionsBox = SessionsBox()
        let supervision = try supervision(loop.executor, sink, watchdog: nil, []) {
            Self.standing(sessionsBox.number.load(ordering: .relaxed))
        }
        await supervision.started()
        let begin = ContinuousClock.now
        for number in 1...50 {
            sessionsBox.number.store(UInt64(number), ordering: .relaxed)
            await supervision.standingMayHaveChanged()
        }
        try await eventually("the last one is told") {
            sink.values(of: "STATUS").last == "1/1 endpoint, 50 sessions"
        }
        // The first when it started, one at the end of each second, and the one that is awaited.
        let seconds = Int((ContinuousClock.now - begin).components.seconds)
        #expect(sink.values(of: "STATUS").count <= 2 + seconds, "and none between")
        await supervision.standingMayHaveChanged()
        await supervision.close()
    }

    private final class SessionsBox: Sendable {
        let number = Atomic<UInt64>(0)
    }
}
