import Gateway
import Glibc
import Synchronization

@testable import GatewayRuntime

/// Gives `body` a control loop on a thread of its own, which has ended when this returns.
func withControlLoop<Value>(_ body: (EventExecutor) async throws -> Value) async throws -> Value {
    let executor = try EventExecutor()
    let thread = try SystemThread(name: "control") { executor.run() }
    defer {
        executor.stop()
        thread.join()
    }
    return try await body(executor)
}

/// Gives `body` an open resolver.
func withResolver<Value>(
    servers: [SocketAddress], files: NameFiles = NameFiles(hosts: "/dev/null", resolvConf: "/dev/null"),
    _ body: (Resolver) async throws -> Value
) async throws -> Value {
    try await withControlLoop { executor in
        let resolver = Resolver(executor: executor, servers: servers, files: files)
        try await resolver.open()
        do {
            let value = try await body(resolver)
            await resolver.close()
            return value
        } catch {
            await resolver.close()
            throw error
        }
    }
}

extension EventExecutor {
    /// Runs `body` on the loop's thread.
    func perform<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            post { continuation.resume(with: Result { try body() }) }
        }
    }
}

/// What callbacks of other threads tell a test.
final class Recorder<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    func add(_ element: Element) {
        elements.withLock { $0.append(element) }
    }

    var all: [Element] { elements.withLock { $0 } }
    var count: Int { all.count }
}

/// Something that belongs to the control loop and that a test keeps for it.
final class LoopBox<Value>: @unchecked Sendable {
    var value: Value

    init(_ value: Value) {
        self.value = value
    }
}

extension SocketAddress {
    /// A test's own address, which is well formed.
    init(testing text: String) {
        guard let address = SocketAddress(text) else { preconditionFailure("\(text) is no address") }
        self = address
    }
}
