internal import CLinux
internal import Gateway
internal import Glibc

/// Connects and closes: tells whether somebody listens. Lives on the control loop.
actor TCPProbe {
    /// How long a probe of one address may take (design: 500 ms).
    static let timeout = Duration.milliseconds(500)

    private let executor: EventExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    init(executor: EventExecutor) {
        self.executor = executor
    }

    /// Probes the addresses in this order until one works.
    func run(_ addresses: [SocketAddress]) async -> ControlMachine.ProbeResult {
        var last = DialFailure.unreachable
        for address in addresses {
            do throws(DialFailure) {
                try await connect(address)
                return .succeeded(address)
            } catch {
                last = error
            }
        }
        return .failed(last)
    }

    private func connect(_ address: SocketAddress) async throws(DialFailure) {
        let descriptor = try Self.startConnect(address)
        let number = descriptor.number
        let failure: DialFailure? = await withCheckedContinuation { continuation in
            var isDone = false
            let timer = executor.schedule(at: MonotonicClock.now() + Self.timeout) { [executor] in
                guard !isDone else { return }
                isDone = true
                executor.unwatch(number)
                continuation.resume(returning: .timedOut)
            }
            do {
                try executor.watch(number, EPOLLOUT.rawValue) { [executor] _ in
                    guard !isDone else { return }
                    isDone = true
                    executor.cancel(timer)
                    executor.unwatch(number)
                    continuation.resume(returning: Self.verdict(number))
                }
            } catch {
                executor.cancel(timer)
                continuation.resume(returning: .local)
            }
        }
        _ = consume descriptor
        if let failure { throw failure }
    }

    private static func startConnect(_ address: SocketAddress) throws(DialFailure) -> Descriptor {
        var system = SystemAddress(address)
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let number = socket(system.family, type, 0)
        guard number != -1 else { throw DialFailure(errno: errno) }
        let descriptor = Descriptor(owning: number)
        guard system.connect(number) == -1, errno != EINPROGRESS, errno != EINTR else { return descriptor }
        throw DialFailure(errno: errno == EAGAIN ? EADDRNOTAVAIL : errno)
    }

    private static func verdict(_ number: Int32) -> DialFailure? {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &error, &length) == 0 else { return .local }
        return error == 0 ? nil : DialFailure(errno: error)
    }
}
