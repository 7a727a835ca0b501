internal import CLinux
internal import Gateway
internal import Glibc
internal import Synchronization

/// The control loop: one thread that waits for descriptors, deadlines and jobs, and runs the actors of the control plane.
/// It sleeps in epoll_wait until one of them has something; an idle gateway does not wake it.
///
/// Whoever uses it from elsewhere is done before ``stop()``: a job that comes after the end is never run.
///
/// `@unchecked Sendable`: `inbox` is locked; everything else that can change is touched only on the executor's own
/// thread, and each function that does so checks that.
@safe final class EventExecutor: SerialExecutor, @unchecked Sendable {
    /// What a descriptor is ready for: epoll's bits.
    typealias Readiness = UInt32
    /// A scheduled call; kept to cancel it.
    struct TimerID: Hashable {
        fileprivate let number: UInt64
    }

    private struct Watch {
        let generation: UInt32
        let call: (Readiness) -> Void
    }

    private enum Work {
        case job(UnownedJob)
        case call(@Sendable () -> Void)
    }

    private struct Inbox {
        var works: [Work] = []
        var isStopping = false
    }

    private static let eventCapacity = 32
    /// Entries of cancelled timers are dropped when there are more of them than of living ones, and than this.
    private static let cancelledTimersKept = 64

    private let epoll: Descriptor
    private let wakeUp: Descriptor
    private let inbox = Mutex(Inbox())
    private let ownThread = Atomic<UInt>(0)

    /// What was taken from the inbox; the two arrays change places, so that neither is allocated anew.
    private var batch: [Work] = []
    // unsafe: of the union in an epoll_event only the number is ever written or read. The kernel reads or fills what is
    // ours while a call lasts: one event, eight bytes, or `eventCapacity` events. A job is run once, as it came, and
    // the unowned reference to this object is good: run() holds it, and so does each actor that lives here.
    private var events = unsafe [epoll_event](repeating: epoll_event(), count: eventCapacity)

    private var watches: [Int32: Watch] = [:]
    private var nextGeneration: UInt32 = 1
    private var timers = TimerQueue<TimerID>()
    private var timerCalls: [TimerID: () -> Void] = [:]
    private var nextTimer: UInt64 = 0

    init() throws(SystemError) {
        epoll = Descriptor(owning: try checkErrno("create an epoll set", epoll_create1(Int32(EPOLL_CLOEXEC))))
        wakeUp = Descriptor(
            owning: try checkErrno(
                "create an eventfd", eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))))
        // Edge triggered: every write is an edge, so the counter need not be read back.
        var event = unsafe epoll_event(events: EPOLLIN.rawValue | EPOLLET.rawValue, data: epoll_data_t(u64: 0))
        try checkErrno("watch an eventfd", unsafe epoll_ctl(epoll.number, EPOLL_CTL_ADD, wakeUp.number, &event))
    }

    // From any thread.

    func enqueue(_ job: consuming ExecutorJob) {
        add(.job(UnownedJob(job)))
    }

    /// Calls once, on the executor's thread, after what is there already. Dropped if it comes after the end.
    func post(_ call: @escaping @Sendable () -> Void) {
        add(.call(call))
    }

    private func add(_ work: Work) {
        let isFirst = inbox.withLock { inbox in
            inbox.works.append(work)
            return inbox.works.count == 1
        }
        // The thread itself looks into the inbox before it sleeps.
        if isFirst, !isOnOwnThread { wake() }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    func checkIsolated() {
        precondition(isOnOwnThread, "this belongs to the control loop's thread")
    }

    func isIsolatingCurrentContext() -> Bool? { isOnOwnThread }

    /// Ends ``run()`` when nothing more is queued.
    func stop() {
        inbox.withLock { $0.isStopping = true }
        wake()
    }

    private func wake() {
        var one: UInt64 = 1
        var written: Int
        repeat { written = unsafe write(wakeUp.number, &one, 8) } while written == -1 && errno == EINTR
        guard written == -1 else { return }
        // Hardly ever, but work that waits for ever is a gateway that hangs: to ask anew whether an eventfd can be read or
        // written is an edge too, for one of them it can.
        let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLET.rawValue
        var event = unsafe epoll_event(events: events, data: epoll_data_t(u64: 0))
        _ = unsafe epoll_ctl(epoll.number, EPOLL_CTL_MOD, wakeUp.number, &event)  // the second of two ways
    }

    private var isOnOwnThread: Bool { ownThread.load(ordering: .relaxed) == pthread_self() }

    // On the executor's own thread.

    /// Runs until ``stop()``. Called once, by the thread that becomes the executor's own.
    func run() {
        ownThread.store(pthread_self(), ordering: .relaxed)
        while takeWork() {
            runWork()
            runTimers()
            waitForEvents()
        }
        ownThread.store(0, ordering: .relaxed)
    }

    /// Calls back, on this thread, whenever the descriptor is ready for one of `events`, until it is unwatched.
    func watch(_ descriptor: Int32, _ events: Readiness, _ call: @escaping (Readiness) -> Void) throws(SystemError) {
        checkIsolated()
        let isKnown = watches[descriptor] != nil
        let generation = nextGeneration
        nextGeneration &+= 1
        let data = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
        var event = unsafe epoll_event(events: events, data: epoll_data_t(u64: data))
        let operation = isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD
        try checkErrno("watch a descriptor", unsafe epoll_ctl(epoll.number, operation, descriptor, &event))
        watches[descriptor] = Watch(generation: generation, call: call)
    }

    /// Stops watching. Called before the descriptor is closed.
    func unwatch(_ descriptor: Int32) {
        checkIsolated()
        guard watches.removeValue(forKey: descriptor) != nil else { return }
        var event = unsafe epoll_event()
        _ = unsafe epoll_ctl(epoll.number, EPOLL_CTL_DEL, descriptor, &event)  // it was added, so it can be removed
    }

    /// Calls once at `deadline`, on this thread.
    @discardableResult
    func schedule(at deadline: Instant, _ call: @escaping () -> Void) -> TimerID {
        checkIsolated()
        let id = TimerID(number: nextTimer)
        nextTimer += 1
        timerCalls[id] = call
        timers.add(id, due: deadline)
        return id
    }

    /// Forgets a call that has not been made.
    func cancel(_ timer: TimerID) {
        checkIsolated()
        timerCalls[timer] = nil
        let cancelled = timers.count - timerCalls.count
        guard cancelled > max(timerCalls.count, Self.cancelledTimersKept) else { return }
        timers.removeAll { timerCalls[$0] == nil }
    }

    /// False when all is done. Only what is there now is taken: jobs that keep each other going must not starve timers
    /// and descriptors.
    private func takeWork() -> Bool {
        inbox.withLock { inbox in
            swap(&inbox.works, &batch)
            return !(batch.isEmpty && inbox.isStopping)
        }
    }

    private func runWork() {
        for work in batch {
            switch work {
            case .job(let job): unsafe job.runSynchronously(on: asUnownedSerialExecutor())
            case .call(let call): call()
            }
        }
        batch.removeAll(keepingCapacity: true)
    }

    /// Those that are due now; a call that schedules another for a time that has passed waits for the next turn.
    private func runTimers() {
        let now = MonotonicClock.now()
        var due: [TimerID] = []
        while let timer = timers.popDue(now) { due.append(timer) }
        for timer in due { timerCalls.removeValue(forKey: timer)?() }
    }

    private func waitForEvents() {
        let limit = waitLimit()
        let count = unsafe epoll_wait(epoll.number, &events, Int32(Self.eventCapacity), limit)
        precondition(count >= 0 || errno == EINTR, "epoll_wait on our own set: errno \(errno)")
        for index in 0..<Int(max(count, 0)) {
            let event = unsafe events[index]
            let data = unsafe event.data.u64
            let descriptor = Int32(bitPattern: UInt32(truncatingIfNeeded: data))
            guard data != 0, let watch = watches[descriptor], watch.generation == UInt32(data >> 32) else { continue }
            unsafe watch.call(event.events)
        }
    }

    /// In milliseconds; -1 is for ever.
    private func waitLimit() -> Int32 {
        guard inbox.withLock({ $0.works.isEmpty && !$0.isStopping }) else { return 0 }
        timers.dropFirst { timerCalls[$0] == nil }
        return MonotonicClock.milliseconds(until: timers.nextDue, from: MonotonicClock.now())
    }
}
