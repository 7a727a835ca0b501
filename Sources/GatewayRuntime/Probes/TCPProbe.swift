internal import Gateway

/// Connects and closes: tells whether somebody listens. Lives on the control loop.
actor TCPProbe {
    /// How long a probe of one address may take (design: 500 ms).
    static let timeout = Duration.milliseconds(500)

    /// What a probe found.
    enum Result: Equatable {
        case succeeded(SocketAddress)
        case failed(DialFailure)
    }

    private let executor: EventExecutor

    /// How many sockets wait for their verdict.
    private(set) var underWay = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    init(executor: EventExecutor) {
        self.executor = executor
    }

    /// Probes the addresses in this order until one works. One that we were too short of something to ask leaves the
    /// verdict open. Throws only when it is cancelled.
    func run(_ addresses: [SocketAddress]) async throws(CancellationError) -> Result {
        var failure = DialFailure.unreachable
        for address in addresses {
            guard case .failed(let found, _) = await probe(address) else { return .succeeded(address) }
            guard !Task.isCancelled else { throw CancellationError() }
            if failure.isEvidence { failure = found }
        }
        return .failed(failure)
    }

    /// Probes one address.
    func probe(_ address: SocketAddress) async -> ProbeOutcome {
        underWay += 1
        defer { underWay -= 1 }
        do throws(DialFailure) {
            let deadline = MonotonicClock.now() + Self.timeout
            _ = try await ProbeSocket.connected(to: address, by: deadline, on: executor)
            return .connected
        } catch {
            return .failed(error, .dialing)
        }
    }
}
