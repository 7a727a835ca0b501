import Dispatch
import Glibc

/// A thread that computes one value: blocking work has no place in Swift's own pool.
final class Worker<Value: Sendable>: Sendable {
    private let outcome = Guarded<Result<Value, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    init(_ body: @escaping @Sendable () throws -> Value) {
        startThread { [self] in
            let result = Result { try body() }
            outcome.withLock { $0 = result }
            done.signal()
        }
    }

    /// Whether there is a value, or an error.
    var isDone: Bool { outcome.withLock { $0 != nil } }

    /// Waits for the value, or throws what the body threw. To be called once.
    func value(within duration: Duration = .seconds(120)) throws -> Value {
        guard done.wait(timeout: .now() + .milliseconds(Int(duration / .milliseconds(1)))) == .success,
            let result = outcome.withLock({ $0 })
        else { throw SocketFailure.timedOut(operation: "worker") }
        return try result.get()
    }
}

/// Runs the body on a thread of its own.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Box(body)).toOpaque()
    let result = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { preconditionFailure("the argument given below") }
            Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, argument)
    precondition(result == 0, "pthread_create: \(result)")
    pthread_detach(thread)
}
