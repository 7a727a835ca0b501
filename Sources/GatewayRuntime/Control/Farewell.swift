internal import Gateway

/// Waits until the last session has ended, or the time is over. Lives on the control loop.
actor Farewell {
    /// How it ended.
    enum End: Hashable, Sendable {
        case allLeft
        case timeIsOver
        /// Whoever waits was told not to.
        case cutShort
    }

    /// Sessions are counted so often. It is the last thing that this process does, so it may be awake for it.
    private static let pace = Duration.milliseconds(50)

    private let executor: EventExecutor
    private let sessions: @Sendable () -> UInt64
    private let looked: @Sendable () -> Void
    private var waiter: CheckedContinuation<End, Never>?
    private var isCutShort = false

    // unsafe: an unowned reference to the executor, which the actor holds, and its thread while it runs a job.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// `sessions` says how many are left; `looked` is called on the control loop after each look.
    init(
        executor: EventExecutor, sessions: @escaping @Sendable () -> UInt64, looked: @escaping @Sendable () -> Void
    ) {
        self.executor = executor
        self.sessions = sessions
        self.looked = looked
    }

    /// Returns by then. Called once; cancellation cuts it short.
    func wait(until deadline: Instant) async -> End {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                waiter = continuation
                look(deadline)
            }
        } onCancel: {
            executor.post { [weak self] in self?.assumeIsolated { $0.cutShort() } }
        }
    }

    private func cutShort() {
        isCutShort = true
        end(.cutShort)
    }

    private func look(_ deadline: Instant) {
        let now = MonotonicClock.now()
        looked()
        if isCutShort { return end(.cutShort) }
        if sessions() == 0 { return end(.allLeft) }
        if now >= deadline { return end(.timeIsOver) }
        executor.schedule(at: min(deadline, now + Self.pace)) { [weak self] in
            self?.assumeIsolated { $0.look(deadline) }
        }
    }

    private func end(_ end: End) {
        waiter?.resume(returning: end)
        waiter = nil
    }
}
