import Synchronization

/// A clock that stands still until a test moves it, for code at the edges that takes its clock as an argument.
/// (The pure core takes instants and needs none.)
public final class ManualClock: Clock {
    /// A point in time: the time since the clock was made.
    public struct Instant: InstantProtocol {
        /// Time since the clock was made.
        public let offset: Duration

        /// Creates the instant `offset` after the clock was made.
        public init(offset: Duration = .zero) {
            self.offset = offset
        }

        /// The instant `duration` later.
        public func advanced(by duration: Duration) -> Instant {
            Instant(offset: offset + duration)
        }

        /// How much later `other` is.
        public func duration(to other: Instant) -> Duration {
            other.offset - offset
        }

        /// Whether `left` is the earlier one.
        public static func < (left: Instant, right: Instant) -> Bool {
            left.offset < right.offset
        }
    }

    private struct Sleeper {
        let deadline: Instant
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = Instant()
        var nextSleeper = 0
        var sleepers: [Int: Sleeper] = [:]
        var cancelledBeforeSleeping: Set<Int> = []
    }

    private let state = Mutex(State())

    /// Creates a clock that stands at zero.
    public init() {}

    /// The time the test has set.
    public var now: Instant { state.withLock { $0.now } }

    /// This clock is exact.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// How many are asleep: what a test waits for before it moves the clock.
    public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// Moves the clock and wakes all whose time has come, earliest first.
    public func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for number in due.keys {
                state.sleepers[number] = nil
            }
            return due.values.sorted { $0.deadline < $1.deadline }
        }
        for sleeper in due {
            sleeper.continuation.resume()
        }
    }

    /// Suspends until the test has moved the clock to `deadline`; throws `CancellationError` when cancelled before.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        let number = state.withLock { state in
            state.nextSleeper += 1
            return state.nextSleeper
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                fallAsleep(number, Sleeper(deadline: deadline, continuation: continuation))
            }
        } onCancel: {
            cancel(number)
        }
    }

    private enum Answer {
        case sleeps
        case isDue
        case isCancelled
    }

    private func fallAsleep(_ number: Int, _ sleeper: Sleeper) {
        let answer: Answer = state.withLock { state in
            if state.cancelledBeforeSleeping.remove(number) != nil { return .isCancelled }
            if sleeper.deadline <= state.now { return .isDue }
            state.sleepers[number] = sleeper
            return .sleeps
        }
        switch answer {
        case .sleeps: break
        case .isDue: sleeper.continuation.resume()
        case .isCancelled: sleeper.continuation.resume(throwing: CancellationError())
        }
    }

    private func cancel(_ number: Int) {
        let sleeper = state.withLock { state in
            let sleeper = state.sleepers.removeValue(forKey: number)
            if sleeper == nil {
                state.cancelledBeforeSleeping.insert(number)
            }
            return sleeper
        }
        sleeper?.continuation.resume(throwing: CancellationError())
    }
}
