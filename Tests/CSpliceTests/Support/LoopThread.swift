import CSplice
import Dispatch
import Glibc
import Synchronization

/// A loop, for whoever runs on its thread.
struct LoopHandle: @unchecked Sendable {  // the pointer is only a name: its functions are called on its thread
    let pointer: OpaquePointer
    let index: Int

    func counters() -> csp_loop_counters {
        var counters = csp_loop_counters()
        csp_loop_read_counters(pointer, &counters)
        return counters
    }

    func endpoint(_ slot: UInt32) -> csp_endpoint_counters {
        var counters = csp_endpoint_counters()
        csp_loop_read_endpoint(pointer, slot, &counters)
        return counters
    }

    func dial(_ session: csp_session, _ address: csp_address, attempt: UInt32 = 1, endpoint: UInt32 = 0) -> Int32 {
        var address = address
        return csp_session_dial(pointer, session, &address, attempt, endpoint)
    }
}

/// What a test does with an event, on the loop's thread.
typealias EventHandler = @Sendable (LoopHandle, csp_event) -> Void

/// One thread that runs one loop, logs its events, and does what others ask to have done on it.
final class LoopThread: Sendable {
    let handle: LoopHandle
    private let orders = Guarded<[@Sendable () -> Void]>([])
    private let isStopping = Atomic(false)
    private let hasStopped = DispatchSemaphore(value: 0)

    init(_ handle: LoopHandle, log: EventLog, handler: @escaping EventHandler) {
        self.handle = handle
        startThread { [self] in
            run(log: log, handler: handler)
            hasStopped.signal()
        }
    }

    private func run(log: EventLog, handler: EventHandler) {
        var events = [csp_event](repeating: csp_event(), count: 64)
        while !isStopping.load(ordering: .acquiring) {
            let count = csp_loop_wait(handle.pointer, &events, UInt32(events.count), -1)
            precondition(count >= 0, "csp_loop_wait: \(count)")
            for event in events.prefix(Int(count)) {
                log.append(LoggedEvent(loop: handle.index, event: event))
                handler(handle, event)
            }
            for order in takeOrders() { order() }
        }
    }

    private func takeOrders() -> [@Sendable () -> Void] {
        orders.withLock { orders in
            defer { orders = [] }
            return orders
        }
    }

    /// Runs the body on the loop's thread and returns its value.
    func perform<Value: Sendable>(_ body: @escaping @Sendable (LoopHandle) -> Value) -> Value {
        let result = Guarded<Value?>(nil)
        let done = DispatchSemaphore(value: 0)
        orders.withLock { orders in
            orders.append { [handle] in
                let value = body(handle)
                result.withLock { $0 = value }
                done.signal()
            }
        }
        precondition(csp_loop_wake(handle.pointer) == 0, "csp_loop_wake")
        precondition(done.wait(timeout: .now() + .seconds(30)) == .success, "the loop's thread does not answer")
        guard let value = result.withLock({ $0 }) else { preconditionFailure("it was set before the signal") }
        return value
    }

    /// Stops and joins the thread. Once.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        precondition(csp_loop_wake(handle.pointer) == 0, "csp_loop_wake")
        precondition(hasStopped.wait(timeout: .now() + .seconds(30)) == .success, "the loop's thread does not stop")
    }
}
