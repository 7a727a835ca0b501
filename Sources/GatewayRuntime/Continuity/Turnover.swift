internal import Glibc
internal import Synchronization

/// A hand-over and the end of serving both take loops and store apart, and both can be asked for at any moment: one at a time,
/// and who is told to stop becomes no other program.
final class Turnover: Sendable {
    private struct State {
        var isHandingOver = false
        var isLeaving = false
        var leaver: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    /// Whether this process was told to stop; locked while it becomes another program.
    private let isStopWanted = Mutex(false)

    /// By the thread that waits for signals: takes one of them. One of `stops` prevents that this process becomes another
    /// program; while it becomes one, signals are left to that one.
    func take(_ next: () -> Int32?, stops: [Int32]) -> Int32? {
        isStopWanted.withLock { isStopWanted in
            guard let signal = next() else { return nil }
            if stops.contains(signal) { isStopWanted = true }
            return signal
        }
    }

    /// Becomes another program, which returns only where that fails: the error.
    func unlessStopped(_ become: () -> SystemError) -> SystemError {
        isStopWanted.withLock { $0 ? SystemError(ECANCELED, "hand over, for it was told to stop") : become() }
    }

    /// False where this process is to end: then there is nothing to hand over.
    func beginHandOver() -> Bool {
        state.withLock { state in
            state.isHandingOver = !state.isLeaving
            return state.isHandingOver
        }
    }

    /// After a hand-over that came to nothing.
    func endHandOver() {
        let leaver = state.withLock { state in
            state.isHandingOver = false
            defer { state.leaver = nil }
            return state.leaver
        }
        leaver?.resume()
    }

    /// Returns when no hand-over is under way; none begins afterwards. Called once.
    func beginLeaving() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                state.isLeaving = true
                if state.isHandingOver { state.leaver = continuation }
                return !state.isHandingOver
            }
            if isFree { continuation.resume() }
        }
    }
}
