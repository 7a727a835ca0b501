internal import CSplice
internal import Gateway
internal import Glibc

// What the admin server is told. All of it is read without stopping a loop: one that is stuck can still be looked at.
extension Control {
    /// From any thread: reads something on the control loop and hands it over there.
    nonisolated func read<Value: Sendable>(
        _ read: @escaping @Sendable (isolated Control) -> Value, for receiver: @escaping @Sendable (Value) -> Void
    ) {
        executor.post { [weak self] in self?.assumeIsolated { receiver(read($0)) } }
    }

    /// From any thread: carries an order out on the control loop, and tells what came of it.
    nonisolated func carryOut(
        _ order: @escaping @Sendable (isolated Control) async throws(OrderError) -> String,
        _ receiver: @escaping AdminOrders.Receiver
    ) {
        executor.post { [self] in assumeIsolated { $0.begin(order, receiver) } }
    }

    /// A task of this actor's, so that Swift's own pool is not started for it. It belongs to whoever waits at the admin socket,
    /// who gives up by himself.
    private func begin(
        _ order: @escaping @Sendable (isolated Control) async throws(OrderError) -> String,
        _ receiver: @escaping AdminOrders.Receiver
    ) {
        Task {
            do throws(OrderError) {
                receiver(.done(try await order(self)))
            } catch {
                receiver(.refused("\(error)"))
            }
        }
    }

    /// From any thread: finds all sessions. Called back on a loop's thread, which has better things to do than to sort them.
    nonisolated func findSessions(for receiver: @escaping CensusQueue.Receiver) {
        executor.post { [weak self] in
            self?.assumeIsolated { $0.goOn($0.censuses.asked(by: receiver, at: MonotonicClock.now())) }
        }
    }

    private func goOn(_ step: CensusQueue.Step) {
        switch step {
        case .wait: break
        case .lookAgain(let instant):
            _ = executor.schedule(at: instant) { [weak self] in  // it finds nobody where all is closed: no harm
                self?.assumeIsolated { $0.goOn($0.censuses.lookedAgain(at: MonotonicClock.now())) }
            }
        case .begin: takeCensus(for: censuses.takeReceivers())
        }
    }

    /// Everything that status and metrics show. What was shown once is noted for the next process, however this one ends: no
    /// counter that anybody has read becomes less.
    func snapshot() -> MetricsSnapshot {
        let snapshot = currentSnapshot()
        if store != nil { note(snapshot.totals) }
        return snapshot
    }

    /// What has been counted by now, earlier processes included.
    var totals: Totals { currentSnapshot().totals }

    private func currentSnapshot() -> MetricsSnapshot {
        let now = MonotonicClock.now()
        let keys = Set(machine.endpoints.all.map(\.declaration.key))
        figures.keep(only: keys)
        figures.counts.stored = runners.reduce(0) { $0 + $1.counters.stored }
        var traffic = figures.ledger.traffic(of: holders) { id in
            runners.reduce(into: EndpointTraffic()) { $0.add($1.traffic(of: id)) }
        }
        figures.earlier.add(to: &traffic)
        var snapshot = MetricsSnapshot(
            status: status(traffic, at: now), startedAt: about.wallTimeOfStart, traffic: traffic,
            sessionTimes: sessionTimes, ends: ends,
            acceptErrors: counted(runners.flatMap(\.acceptErrors), and: [ECONNABORTED] + Self.shortages),
            acceptPauses: counted(runners.flatMap(\.figures.acceptPauses), and: [0] + Self.shortages),
            failovers: figures.history.failovers, counts: figures.counts,
            loops: runners.map { MetricsSnapshot.Loop($0.counters) })
        snapshot.add(figures.earlier)
        return snapshot
    }

    /// Which endpoint the next client would get.
    func explanation() -> Explanation { machine.explanation(at: MonotonicClock.now()) }

    private func status(_ traffic: [EndpointKey: EndpointTraffic], at now: Instant) -> GatewayStatus {
        GatewayStatus(
            time: WallClock.now(),
            program: GatewayStatus.Program(
                version: Version.number, process: Int(getpid()), uptime: now - about.startedAt,
                policy: machine.options.policy.rawValue, listeners: listeners.map(\.description) + about.unixListeners,
                logLevel: about.logChoice.levelOfSettings.rawValue),
            isReady: machine.isReady && stopsAt == nil, isStopping: stopsAt != nil, traffic: total(of: traffic),
            endpoints: machine.endpointStatus(
                traffic: traffic, dialTimes: dialTimes, history: figures.history, at: now),
            discovery: machine.discoveryStatus(at: now), events: figures.history.events)
    }

    /// Who has which number, former places included.
    private var holders: [(id: EndpointID, key: EndpointKey)] {
        machine.endpoints.allIDs.compactMap { id in
            machine.endpoints[id].map { (id, $0.declaration.key) }
        }
    }

    private var endpointNames: [UInt32: String] {
        Dictionary(holders.map { ($0.id.slot, $0.key.description) }) { first, _ in first }
    }

    private func takeCensus(for receivers: [CensusQueue.Receiver]) {
        let names = endpointNames
        let census = SessionCensus(loops: runners.count) { [weak self] found in
            let findings = SessionFindings(found: found, endpoints: names, at: MonotonicClock.now())
            for receiver in receivers { receiver(findings) }
            self?.censusIsOver()
        }
        for runner in runners { runner.submit(.takeCensus(census)) }
    }

    private nonisolated func censusIsOver() {
        executor.post { [weak self] in
            self?.assumeIsolated { $0.goOn($0.censuses.finished(at: MonotonicClock.now())) }
        }
    }

    /// Bytes of endpoints that are forgotten are among these, though no series of theirs is left: a total never falls.
    private func total(of traffic: [EndpointKey: EndpointTraffic]) -> GatewayTraffic {
        var total = GatewayTraffic()
        for counters in runners.map(\.counters) {
            total.sessions += counters.sessions
            total.accepted += counters.accepted
            total.opened += counters.opened
            total.ended += counters.ended
            total.dialFailures += counters.dial_failures
            total.acceptErrors += counters.accept_errors
        }
        total.heldClients = held.count
        let (forgotten, earlier) = (figures.ledger.forgotten, figures.earlier.forgotten(besides: traffic))
        total.bytesUp = traffic.values.reduce(forgotten.bytesUp + earlier.up) { $0 + $1.bytesUp }
        total.bytesDown = traffic.values.reduce(forgotten.bytesDown + earlier.down) { $0 + $1.bytesDown }
        return total
    }

    /// How long the last dial took, a client's or a probe's.
    private var dialTimes: [EndpointKey: Duration] {
        var last = figures.probeDials
        for (id, key) in holders {
            for dial in runners.compactMap({ $0.figures.lastDial(of: id) }) where dial.at > last[key]?.at ?? .zero {
                last[key] = dial
            }
        }
        return last.mapValues(\.time)
    }

    private var sessionTimes: Histogram {
        runners.reduce(into: Histogram(bounds: Histogram.sessionBounds)) { $0.add($1.figures.sessionTimes) }
    }

    private var ends: [(reason: String, count: UInt64)] {
        EndReason.all.dropFirst().map { reason in
            (reason.label, runners.reduce(0) { $0 + $1.figures.ends(reason) })
        }
    }

    /// What accept(2) runs short of.
    private static let shortages = [EMFILE, ENFILE, ENOBUFS, ENOMEM]

    /// What all loops have counted, by the error's name. Those that are to be expected are there from the start: a series that
    /// begins with 1 has, for Prometheus, never grown.
    private func counted(
        _ found: [(error: Int32, count: UInt64)], and expected: [Int32]
    ) -> [(error: String, count: UInt64)] {
        var counts = Dictionary(expected.map { ($0, UInt64(0)) }) { first, _ in first }
        for (error, count) in found { counts[error, default: 0] += count }
        return counts.sorted { $0.key < $1.key }.map {
            ($0.key == 0 ? "limit" : SystemError.name(of: $0.key), $0.value)
        }
    }
}

extension MetricsSnapshot.Loop {
    fileprivate init(_ counters: csp_loop_counters) {
        self.init(
            sessions: counters.sessions, turns: counters.turns, bytesSpliced: counters.bytes_spliced,
            bytesCopied: counters.bytes_copied, pipes: counters.pipes, moved: counters.moved)
    }
}
