internal import Gateway

/// Connects and closes: tells whether somebody listens. Lives on the control loop.
actor TCPProbe {
    /// How long a probe of one address may take (design: 500 ms).
    static let timeout = Duration.milliseconds(500)

    private let executor: EventExecutor

    // unsafe: an unowned reference to the executor, which the actor holds, and its thread while it runs a job.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    init(executor: EventExecutor) {
        self.executor = executor
    }

    /// Probes one address.
    func probe(_ address: SocketAddress) async -> ProbeFinding {
        do throws(DialFailure) {
            let deadline = MonotonicClock.now() + Self.timeout
            let socket = try await ProbeSocket.connected(to: address, by: deadline, on: executor)
            return ProbeFinding(.connected, at: address, dialTime: socket.dialTime)
        } catch {
            return ProbeFinding(.failed(error, .dialing))
        }
    }
}
