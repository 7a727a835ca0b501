internal import Synchronization

/// All loops store what they have; the last one to finish tells.
final class StoringRound: Sendable {
    private let loopsLeft: Mutex<Int>
    private let done: @Sendable () -> Void

    /// A round of so many loops, at least one. `done` is called once, on the thread of a loop.
    init(loops: Int, done: @escaping @Sendable () -> Void) {
        loopsLeft = Mutex(loops)
        self.done = done
    }

    /// A loop has looked at all of its sessions.
    func finished() {
        let isLast = loopsLeft.withLock { left in
            left -= 1
            return left == 0
        }
        if isLast { done() }
    }
}
