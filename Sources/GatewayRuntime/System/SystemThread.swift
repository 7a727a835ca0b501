internal import CLinux
internal import Glibc

/// A thread of our own for work that waits in the kernel, which the concurrency pool's few threads must not do.
final class SystemThread: Sendable {
    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let thread: pthread_t

    // unsafe: the reference is taken over once, by the thread that was started for it, or released here if there is
    // none. The thread's number is written, and its name read, while the call lasts.
    /// Starts a thread; its name (15 bytes) shows in ps and perf. Signals are left to the main thread.
    init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let result = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { preconditionFailure("the argument given below") }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                unsafe clinux_set_thread_name(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard result == 0 else {
            unsafe start.release()
            throw SystemError(result, "start the thread \(name)")
        }
        self.thread = thread
    }

    /// Nobody waits for its end: what the system has for it is given back then. Called once, instead of ``join()``.
    func detach() {
        _ = pthread_detach(thread)  // fails only for a thread that was joined or detached already: our bug, no harm
    }

    /// Waits until the thread has ended. Called once, from another thread.
    func join() {
        _ = pthread_join(thread, nil)  // fails only for a thread that was joined already: our bug, no harm
    }
}
