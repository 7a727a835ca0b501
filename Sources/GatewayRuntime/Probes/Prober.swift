internal import Gateway

/// All kinds of probes in one place. Lives on the control loop.
actor Prober {
    private let executor: EventExecutor
    private let loop = ProbeLoop()
    private let tcp: TCPProbe
    private let hello: TLSHelloProbe
    private let http: HTTPProbe

    // unsafe: an unowned reference to the executor, which the actor holds, and its thread while it runs a job.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// Probes that use these files for `https`, and read them again when they change.
    init(executor: EventExecutor, files: TLSFiles) {
        self.executor = executor
        tcp = TCPProbe(executor: executor)
        hello = TLSHelloProbe(executor: executor)
        http = HTTPProbe(executor: executor, loop: loop, files: files)
    }

    /// Probes the addresses of one endpoint in this order until one answers, whatever it answers: 500 ms for each, and
    /// as long again for the first question about a member's role. Without an answer there is no address, and the outcome
    /// is the failure that came furthest; of equal ones a shortage of ours, which is no evidence. In a task that is
    /// cancelled the outcome is such a shortage.
    /// - Parameters:
    ///   - host: The endpoint's name, for TLS; an address is no name and is left out.
    ///   - isFresh: Whether a connection that was kept will not do.
    func probe(
        _ addresses: [SocketAddress], host: String?, kind: ProbeKind, isFresh: Bool = false
    ) async -> ProbeFinding {
        let name = Self.serverName(host)
        var furthest: (failure: DialFailure, stage: ProbeStage)?
        for address in addresses where !Task.isCancelled {
            let finding = await probe(address, host: name, kind: kind, isFresh: isFresh)
            if Task.isCancelled { break }  // what it found may be no more than our own leaving
            guard case .failed(let failure, let stage) = finding.outcome else { return finding }
            if let known = furthest, known.stage > stage || known.stage == stage && failure != .local { continue }
            furthest = (failure, stage)
        }
        guard let furthest, !Task.isCancelled else { return ProbeFinding(.failed(.local, .dialing)) }
        return ProbeFinding(.failed(furthest.failure, furthest.stage))
    }

    /// New connections for `https` go by these files from now on, as they are now.
    func use(_ files: TLSFiles) async {
        await http.use(files)
    }

    /// A verifier of certificates that shares the thread for TLS.
    nonisolated func verifier(authority: String) -> TLSVerifier {
        TLSVerifier(loop: loop, authority: authority)
    }

    /// Closes kept connections to addresses that are no endpoint's any more.
    func keep(only addresses: Set<SocketAddress>) async {
        await http.keep(only: addresses)
    }

    /// Closes everything. No probe may be under way.
    func stop() async {
        await http.keep(only: [])
        await loop.stop()
    }

    private func probe(
        _ address: SocketAddress, host: String?, kind: ProbeKind, isFresh: Bool
    ) async -> ProbeFinding {
        switch kind {
        case .tcp: return await tcp.probe(address)
        case .tls: return await hello.probe(address, host: host)
        case .http: return await http.probe(address, isFresh: isFresh)
        case .https:
            if let finding = await http.probeSecurely(address, host: host, isFresh: isFresh) { return finding }
            // Our own files cannot be read: what can be asked without them.
            var finding = await hello.probe(address, host: host)
            if finding.outcome == .tlsAnswered { finding.outcome = .unusable(.noTLSFiles) }
            return finding
        }
    }

    private static func serverName(_ host: String?) -> String? {
        guard let host, case .name(let name) = Host(host) else { return nil }
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}
