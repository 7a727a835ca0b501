internal import CLinux
internal import Glibc
internal import Synchronization

/// Runs what belongs to no actor on the program's first thread, which has nothing else to do.
///
/// Swift's own pool would do as well, but it stands on libdispatch, which wakes up once a second from its first job on, to
/// see whether it needs more threads. A gateway on which nobody calls sleeps. (Measured; `docs/performance.md`.)
///
/// `@unchecked Sendable`: what changes is locked.
@safe final class ProgramExecutor: TaskExecutor, @unchecked Sendable {
    private let wakeUp: Descriptor
    private let jobs = Mutex<[UnownedJob]>([])

    init() throws(SystemError) {
        wakeUp = Descriptor(owning: try checkErrno("create an eventfd", eventfd(0, Int32(EFD_CLOEXEC))))
    }

    /// From any thread.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isFirst = jobs.withLock { jobs in
            jobs.append(job)
            return jobs.count == 1
        }
        if isFirst { wake() }
    }

    // unsafe: a job is taken out once, and run once, while whoever called run() holds this object. The kernel reads or
    // fills the eight bytes of a number of ours.
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
            var count: UInt64 = 0
            // EINTR is a look for nothing. Nothing else can happen to an eventfd; if it did, this thread would look a
            // thousand times a second, not all the time.
            if unsafe read(wakeUp.number, &count, 8) == -1, errno != EINTR { usleep(1000) }
        }
    }

    private func wake() {
        var one: UInt64 = 1
        // It has room for more wake-ups than can ever be pending. What else might come must not lose one.
        for _ in 0..<100 where unsafe write(wakeUp.number, &one, 8) == 8 { return }
    }
}
