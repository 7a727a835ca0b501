internal import Gateway

/// Begins a TLS handshake and looks whether a record comes back, which takes a process that runs: the kernel accepts for
/// one that hangs as well. Needs no TLS library and no credentials. Lives on the control loop.
actor TLSHelloProbe {
    private let executor: EventExecutor
    private var generator = SystemRandomNumberGenerator()

    // unsafe: an unowned reference to the executor, which the actor holds, and its thread while it runs a job.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    init(executor: EventExecutor) {
        self.executor = executor
    }

    /// Probes one address; `host` is the server's name where it has one.
    func probe(_ address: SocketAddress, host: String?) async -> ProbeFinding {
        let deadline = MonotonicClock.now() + TCPProbe.timeout
        let socket: ProbeSocket
        do throws(DialFailure) {
            socket = try await ProbeSocket.connected(to: address, by: deadline, on: executor)
        } catch {
            return ProbeFinding(.failed(error, .dialing))
        }
        let outcome: ProbeOutcome
        do throws(DialFailure) {
            try socket.send(ClientHello.record(host: host, using: &generator))
            let answerBy = max(deadline, MonotonicClock.now() + Self.answerTimeMin)
            outcome = Self.judge(try await socket.receive(by: answerBy))
        } catch {
            return ProbeFinding(.failed(error, .connected))
        }
        let dialTime = socket.dialTime
        await socket.finish(by: MonotonicClock.now() + Self.farewell)
        return ProbeFinding(outcome, at: address, dialTime: dialTime)
    }

    /// What the other side has in any case to answer a question, should we have been late in asking it.
    private static let answerTimeMin = Duration.milliseconds(250)
    /// How long we wait for the other side's FIN, to close without a reset.
    private static let farewell = Duration.milliseconds(100)

    private static func judge(_ bytes: [UInt8]) -> ProbeOutcome {
        switch bytes.first {
        case nil: .failed(.refused, .connected)
        case ClientHello.handshakeRecord, ClientHello.alertRecord: .tlsAnswered
        default: .unusable(.notTLS)
        }
    }
}
