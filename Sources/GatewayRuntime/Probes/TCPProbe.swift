internal import CLinux
internal import Gateway
internal import Glibc

/// Connects and closes: tells whether somebody listens. Lives on the control loop.
actor TCPProbe {
    /// How long a probe of one address may take (design: 500 ms).
    static let timeout = Duration.milliseconds(500)

    /// What a probe found.
    enum Result: Equatable {
        case succeeded(SocketAddress)
        case failed(DialFailure)
    }

    private struct Wait {
        let descriptor: Int32
        let timer: EventExecutor.TimerID
        let continuation: CheckedContinuation<Bool?, Never>
    }

    private let executor: EventExecutor
    private var waits: [UInt64: Wait] = [:]
    private var nextWait: UInt64 = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    init(executor: EventExecutor) {
        self.executor = executor
    }

    /// How many sockets wait for their verdict.
    var underWay: Int { waits.count }

    /// Probes the addresses in this order until one works. One that we were too short of something to ask leaves the
    /// verdict open. Throws only when it is cancelled.
    func run(_ addresses: [SocketAddress]) async throws(CancellationError) -> Result {
        var failure = DialFailure.unreachable
        for address in addresses {
            do throws(DialFailure) {
                try await connect(address)
                return .succeeded(address)
            } catch {
                guard !Task.isCancelled else { throw CancellationError() }
                if failure.isEvidence { failure = error }
            }
        }
        return .failed(failure)
    }

    private func connect(_ address: SocketAddress) async throws(DialFailure) {
        let descriptor = try Self.startConnect(address)
        let number = descriptor.number
        let wait = nextWait
        nextWait += 1
        let isWritable = await withTaskCancellationHandler {
            await withCheckedContinuation { startWaiting(wait, for: number, $0) }
        } onCancel: {
            executor.post { self.assumeIsolated { $0.finish(wait, nil) } }
        }
        let failure = isWritable.map { $0 ? Self.verdict(number, address) : .timedOut } ?? .local
        _ = consume descriptor
        if let failure { throw failure }
    }

    private func startWaiting(_ wait: UInt64, for number: Int32, _ continuation: CheckedContinuation<Bool?, Never>) {
        guard !Task.isCancelled else { return continuation.resume(returning: nil) }
        do {
            try executor.watch(number, EPOLLOUT.rawValue) { [weak self] _ in
                self?.assumeIsolated { $0.finish(wait, true) }
            }
        } catch {
            return continuation.resume(returning: nil)
        }
        let timer = executor.schedule(at: MonotonicClock.now() + Self.timeout) { [weak self] in
            self?.assumeIsolated { $0.finish(wait, false) }
        }
        waits[wait] = Wait(descriptor: number, timer: timer, continuation: continuation)
    }

    /// The socket has its verdict (true), has none in time (false), or nobody wants it any more (nil).
    private func finish(_ number: UInt64, _ isWritable: Bool?) {
        guard let wait = waits.removeValue(forKey: number) else { return }
        executor.cancel(wait.timer)
        executor.unwatch(wait.descriptor)
        wait.continuation.resume(returning: isWritable)
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

    private static func verdict(_ number: Int32, _ address: SocketAddress) -> DialFailure? {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &error, &length) == 0 else { return .local }
        guard error == 0 else { return DialFailure(errno: error) }
        // A socket that chose, by chance, the very port of this machine that it dials has met itself: nobody listens.
        return SystemAddress(boundTo: number)?.address == address ? .refused : nil
    }
}
