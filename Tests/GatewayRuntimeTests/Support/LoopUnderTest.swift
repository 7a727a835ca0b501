import Gateway
import GatewayTesting

@testable import GatewayRuntime

/// A control loop on a thread of its own, gone with its last user.
final class LoopUnderTest: Sendable {
    let executor: EventExecutor
    private let thread: SystemThread

    init() throws {
        let executor = try EventExecutor()
        self.executor = executor
        thread = try SystemThread(name: "test-control") { executor.run() }
    }

    deinit {
        executor.stop()
        thread.join()
    }
}

extension EtcdMember {
    /// Where it serves clients.
    func socketAddress() throws -> SocketAddress {
        guard let result = SocketAddress(address) else { throw TestingError("\(address) is no address") }
        return result
    }

    /// How many lines it has logged.
    var logLines: Int { log.split(separator: "\n").count }
}
