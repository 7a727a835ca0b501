internal import CLinux
internal import Gateway
internal import Glibc

/// A connection that a probe makes on the control loop: it never blocks, and every wait has a deadline.
struct ProbeSocket: ~Copyable {
    private let descriptor: Descriptor
    private let executor: EventExecutor
    /// How long connecting took.
    private(set) var dialTime = Duration.zero

    private init(descriptor: consuming Descriptor, executor: EventExecutor) {
        self.descriptor = descriptor
        self.executor = executor
    }

    /// Connects. Called on the executor, like everything here.
    nonisolated(nonsending) static func connected(
        to address: SocketAddress, by deadline: Instant, on executor: EventExecutor
    ) async throws(DialFailure) -> ProbeSocket {
        let start = MonotonicClock.now()
        var socket = ProbeSocket(descriptor: try startConnect(address), executor: executor)
        try await socket.ready(for: EPOLLOUT.rawValue, by: deadline)
        if let failure = socket.connectFailure(address) { throw failure }
        socket.dialTime = MonotonicClock.now() - start
        return socket
    }

    // unsafe: while a call lasts the kernel reads or fills what is ours, no more of it than the count says. Of memory
    // that is not initialized, so much is taken for initialized as recv(2) has filled.
    /// Sends what fits into the buffer of a new connection: a few hundred bytes.
    func send(_ bytes: [UInt8]) throws(DialFailure) {
        let count = unsafe Glibc.send(descriptor.number, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        guard count != -1 else { throw Self.failure(of: errno) }
    }

    /// The next bytes, at most 16 KiB; none at the end of the stream.
    nonisolated(nonsending) func receive(by deadline: Instant) async throws(DialFailure) -> [UInt8] {
        while true {
            if let bytes = try receiveNow() { return bytes }
            try await ready(for: EPOLLIN.rawValue, by: deadline)
        }
    }

    /// Ends the connection with FIN and reads what still comes, so that no unread byte turns our close into a reset.
    nonisolated(nonsending) consuming func finish(by deadline: Instant) async {
        guard shutdown(descriptor.number, Int32(SHUT_WR)) == 0 else { return }
        for _ in 0..<Self.drainsMax {
            guard let bytes = try? await receive(by: deadline), !bytes.isEmpty else { return }
        }
    }

    /// What a probe of ours may be sent before we stop listening: 1 MiB.
    private static let drainsMax = 64
    private static let bufferBytes = 16 << 10

    /// What has arrived; `nil` for nothing yet.
    private func receiveNow() throws(DialFailure) -> [UInt8]? {
        var error: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.bufferBytes) { buffer, count in
            let result = unsafe recv(descriptor.number, buffer.baseAddress, buffer.count, 0)
            error = result == -1 ? errno : 0
            count = max(result, 0)
        }
        switch error {
        case 0: return bytes
        case EAGAIN, EINTR: return nil
        default: throw Self.failure(of: error)
        }
    }

    /// Waits; a task that is cancelled waits no longer, which is a failure of our own.
    private func ready(
        for events: EventExecutor.Readiness, by deadline: Instant, isolation: isolated (any Actor)? = #isolation
    ) async throws(DialFailure) {
        let (executor, wait) = (executor, ReadinessWait(executor: executor, descriptor: descriptor.number))
        let failure = await withTaskCancellationHandler {
            // Without the capture this closure would run on the concurrency pool, and a pool that is busy would cost an
            // endpoint its time to answer.
            _ = isolation
            return await withCheckedContinuation { wait.start(for: events, by: deadline, $0) }
        } onCancel: {
            executor.post { wait.finish(.local) }  // after the start, for that happens on the executor without a pause
        }
        if let failure { throw failure }
    }

    private func connectFailure(_ address: SocketAddress) -> DialFailure? {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor.number, SOL_SOCKET, SO_ERROR, &error, &length) == 0 else { return .local }
        guard error == 0 else { return DialFailure(errno: error) }
        // A socket that chose, by chance, the very port of this machine that it dials has met itself: nobody listens.
        return SystemAddress(boundTo: descriptor.number)?.address == address ? .refused : nil
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

    /// A connection that was reset, or that the other side closed while we wrote.
    private static func failure(of number: Int32) -> DialFailure {
        number == EPIPE ? .refused : DialFailure(errno: number)
    }
}

/// Waits once until a descriptor is ready.
///
/// `@unchecked Sendable`: what changes is touched on the executor's thread only; `watch` and `schedule` check that.
@safe private final class ReadinessWait: @unchecked Sendable {
    private let executor: EventExecutor
    private let descriptor: Int32
    private var timer: EventExecutor.TimerID?
    private var continuation: CheckedContinuation<DialFailure?, Never>?

    init(executor: EventExecutor, descriptor: Int32) {
        self.executor = executor
        self.descriptor = descriptor
    }

    func start(
        for events: EventExecutor.Readiness, by deadline: Instant,
        _ continuation: CheckedContinuation<DialFailure?, Never>
    ) {
        self.continuation = continuation
        do throws(SystemError) {
            try executor.watch(descriptor, events) { [self] _ in finish(nil) }
            // We may be the ones who are late: what has come by now has come in time.
            timer = executor.schedule(at: deadline) { [self] in finish(isReady(for: events) ? nil : .timedOut) }
        } catch {
            finish(.local)
        }
    }

    /// Ready (`nil`), or why not. Whatever comes second is late.
    func finish(_ failure: DialFailure?) {
        guard let continuation = continuation.take() else { return }
        if let timer { executor.cancel(timer) }
        executor.unwatch(descriptor)
        continuation.resume(returning: failure)
    }

    private func isReady(for events: EventExecutor.Readiness) -> Bool {
        // poll(2) and epoll(7) have the same bits for input and output.
        var state = pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0)
        return unsafe poll(&state, 1, 0) == 1  // unsafe: one pollfd of ours, for the call
    }
}
