internal import CLinux
internal import Gateway
internal import Glibc
internal import Synchronization

/// The control loop: one thread that waits for descriptors, deadlines and jobs, and runs the actors of the control plane.
/// It sleeps in epoll_wait until one of them has something; an idle gateway does not wake it.
///
/// `@unchecked Sendable`: `jobs` is locked; everything else that can change is touched only on the executor's own
/// thread, and each function that does so checks that.
final class EventExecutor: SerialExecutor, @unchecked Sendable {
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

    private let epoll: Descriptor
    private let wakeUp: Descriptor
    private let jobs = Mutex<(queue: [UnownedJob], isStopping: Bool)>(([], false))
    private let ownThread = Atomic<UInt>(0)

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
        let job = UnownedJob(job)
        let isFirst = jobs.withLock { jobs in
            jobs.queue.append(job)
            return jobs.queue.count == 1
        }
        if isFirst { wake() }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    func checkIsolated() {
        precondition(isOnOwnThread, "this belongs to the control loop's thread")
    }

    func isIsolatingCurrentContext() -> Bool? { isOnOwnThread }

    /// Ends ``run()`` after the jobs that are queued now.
    func stop() {
        jobs.withLock { $0.isStopping = true }
        wake()
    }

    private func wake() {
        var one: UInt64 = 1
        _ = unsafe write(wakeUp.number, &one, 8)  // EAGAIN: the counter is full, so an edge is pending already
    }

    private var isOnOwnThread: Bool { ownThread.load(ordering: .relaxed) == pthread_self() }

    // On the executor's own thread.

    /// Runs until ``stop()``. Called once, by the thread that becomes the executor's own.
    func run() {
        ownThread.store(pthread_self(), ordering: .relaxed)
        while runJobs() {
            runTimers()
            waitForEvents()
        }
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
    }

    private func runJobs() -> Bool {
        while true {
            let (batch, isStopping) = jobs.withLock { jobs in
                defer { jobs.queue.removeAll(keepingCapacity: true) }
                return (jobs.queue, jobs.isStopping)
            }
            for job in batch { unsafe job.runSynchronously(on: asUnownedSerialExecutor()) }
            if batch.isEmpty { return !isStopping }
        }
    }

    private func runTimers() {
        let now = MonotonicClock.now()
        while let timer = timers.popDue(now) { timerCalls.removeValue(forKey: timer)?() }
    }

    private func waitForEvents() {
        let hasJobs = jobs.withLock { !$0.queue.isEmpty || $0.isStopping }
        let limit = hasJobs ? 0 : MonotonicClock.milliseconds(until: timers.nextDue, from: MonotonicClock.now())
        var events = unsafe [epoll_event](repeating: epoll_event(), count: 32)
        let count = unsafe epoll_wait(epoll.number, &events, 32, limit)
        precondition(count >= 0 || errno == EINTR, "epoll_wait on our own set: errno \(errno)")
        for index in 0..<Int(max(count, 0)) {
            let event = unsafe events[index]
            let data = unsafe event.data.u64
            let descriptor = Int32(bitPattern: UInt32(truncatingIfNeeded: data))
            guard data != 0, let watch = watches[descriptor], watch.generation == UInt32(data >> 32) else { continue }
            unsafe watch.call(event.events)
        }
    }
}
