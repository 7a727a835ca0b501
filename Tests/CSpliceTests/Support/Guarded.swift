import Glibc

/// A value behind a lock. A pthread mutex, because the thread sanitizer understands it: Synchronization's `Mutex` waits
/// on a futex in uninstrumented code, and every access under it is reported as a race.
final class Guarded<Value>: @unchecked Sendable {  // the value is touched under the lock only
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value

    init(_ value: sending Value) {
        self.value = value
        pthread_mutex_init(lock, nil)
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return try body(&value)
    }
}
