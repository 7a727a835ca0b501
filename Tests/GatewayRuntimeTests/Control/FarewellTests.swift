import Gateway
import GatewayTesting
import Synchronization
import Testing

@testable import GatewayRuntime

struct FarewellTests {
    private final class Sessions: Sendable {
        let left: Atomic<UInt64>
        init(_ left: UInt64) { self.left = Atomic(left) }
    }

    private func farewell(
        _ sessions: Sessions, limit: Duration, _ meanwhile: @escaping @Sendable (Task<Farewell.End, Never>) -> Void
    ) async throws -> Farewell.End {
        try await withControlLoop { executor in
            let farewell = Farewell(
                executor: executor, sessions: { sessions.left.load(ordering: .relaxed) }, looked: {})
            let waiting = Task { await farewell.wait(until: MonotonicClock.now() + limit) }
            meanwhile(waiting)
            return await waiting.value
        }
    }

    @Test func nobodyThere_endsAtOnce() async throws {
        let start = ContinuousClock.now
        #expect(try await farewell(Sessions(0), limit: .seconds(60)) { _ in } == .allLeft)
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test func lastOneThatLeaves_endsIt() async throws {
        let sessions = Sessions(3)
        let end = try await farewell(sessions, limit: .seconds(60)) { _ in sessions.left.store(0, ordering: .relaxed) }
        #expect(end == .allLeft)
    }

    @Test func whoStays_hasHisTimeAndNoMore() async throws {
        let start = ContinuousClock.now
        #expect(try await farewell(Sessions(1), limit: .milliseconds(200)) { _ in } == .timeIsOver)
        #expect(ContinuousClock.now - start >= .milliseconds(200))
    }

    @Test func cancellation_cutsItShort_alsoBeforeItHasBegun() async throws {
        #expect(try await farewell(Sessions(1), limit: .seconds(60)) { $0.cancel() } == .cutShort)
    }
}
