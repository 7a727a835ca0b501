internal import Glibc
internal import Synchronization

/// Runs what belongs to no actor on the program's first thread, which has nothing else to do.
///
/// Swift's own pool would do as well, but it stands on libdispatch, which wakes up once a second from its first job on, to
/// see whether it needs more threads. A gateway on which nobody calls sleeps. (Measured; `docs/performance.md`.)
///
/// `@unchecked Sendable`: what changes is locked.
@safe final class ProgramExecutor: TaskExecutor, @unchecked Sendable {
    // unsafe: the semaphore is ours, set up before and destroyed after anybody uses it, and never moves.
    private let wakeUp = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private let jobs = Mutex<[UnownedJob]>([])

    init() {
        _ = unsafe sem_init(wakeUp, 0, 0)  // of one process, from 0: cannot fail (sem_init(3))
    }

    deinit {
        unsafe sem_destroy(wakeUp)  // nobody waits: cannot fail
        unsafe wakeUp.deallocate()
    }

    /// From any thread.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isFirst = jobs.withLock { jobs in
            jobs.append(job)
            return jobs.count == 1
        }
        // Nobody waits for the kernel's consent here: a descriptor could refuse, and the program would hang. A valid semaphore
        // fails only where two billion wake-ups are pending.
        if isFirst { unsafe sem_post(wakeUp) }
    }

    // unsafe: a job is taken out once, and run once, while whoever called run() holds this object.
    /// Runs an operation and all that it starts in this very thread, and returns when it has ended. Called once.
    func run<Value: Sendable>(_ operation: @escaping @Sendable () async -> Value) -> Value {
        let result = Result<Value>()
        // It belongs to whoever waits right here.
        Task(executorPreference: self) {
            let value = await operation()
            result.value.withLock { $0 = value }
        }
        while true {
            for job in takeJobs() { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
            if let value = result.value.withLock({ $0 }) { return value }
        }
    }

    private final class Result<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }

    /// Waits for at least one.
    private func takeJobs() -> [UnownedJob] {
        while true {
            let taken = jobs.withLock { jobs in
                defer { jobs = [] }
                return jobs
            }
            if !taken.isEmpty { return taken }
            _ = unsafe sem_wait(wakeUp)  // EINTR, the only error of a valid one, is a look for nothing
        }
    }
}
