import Foundation
import Synchronization

/// The one thread that starts child processes, and lives as long as the tests do.
///
/// The kernel sends a child's parent-death signal when the *thread* that started it ends, and the threads of Swift's
/// pool end when they are idle: a child started from one of those would be killed in the middle of a test.
final class SpawningThread: Sendable {
    static let shared = SpawningThread()

    private let waiting = Mutex<[@Sendable () -> Void]>([])
    private let arrivals = DispatchSemaphore(value: 0)

    private init() {
        let thread = Thread { [self] in
            while true {
                arrivals.wait()
                let job = waiting.withLock { $0.removeFirst() }
                job()
            }
        }
        thread.name = "spawning"
        thread.start()
    }

    /// Runs `work` on the thread and returns what it returned.
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) -> Value {
        let answer = Box<Value>()
        let done = DispatchSemaphore(value: 0)
        waiting.withLock { waiting in
            waiting.append {
                answer.value.withLock { $0 = work() }
                done.signal()
            }
        }
        arrivals.signal()
        done.wait()
        guard let value = answer.value.withLock({ $0 }) else {
            preconditionFailure("the semaphore is signalled only after the value was set")
        }
        return value
    }

    private final class Box<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }
}
