internal import Gateway

/// One wait for a descriptor: ended by its readiness, by its deadline, or by cancellation, whatever comes first.
///
/// `@unchecked Sendable`: made anywhere, but all that changes is touched on the control loop only; each call checks that.
final class ProbeWait: @unchecked Sendable {
    private let descriptor: Int32
    private let executor: EventExecutor
    private var continuation: CheckedContinuation<DialFailure?, Never>?
    private var timer: EventExecutor.TimerID?
    private var isOver = false

    init(for descriptor: Int32, on executor: EventExecutor) {
        self.descriptor = descriptor
        self.executor = executor
    }

    /// Answers with `nil` when the descriptor is ready, else with why it is not.
    func start(
        _ events: EventExecutor.Readiness, by deadline: Instant,
        _ continuation: CheckedContinuation<DialFailure?, Never>
    ) {
        executor.checkIsolated()
        guard !isOver else { return continuation.resume(returning: .local) }
        self.continuation = continuation
        do throws(SystemError) {
            try executor.watch(descriptor, events) { [self] _ in end(nil) }
            timer = executor.schedule(at: deadline) { [self] in end(.timedOut) }
        } catch {
            end(.local)
        }
    }

    func end(_ failure: DialFailure?) {
        executor.checkIsolated()
        guard !isOver else { return }
        isOver = true
        if let timer { executor.cancel(timer) }
        guard let continuation else { return }  // it has not begun, and will not
        executor.unwatch(descriptor)
        continuation.resume(returning: failure)
    }
}
