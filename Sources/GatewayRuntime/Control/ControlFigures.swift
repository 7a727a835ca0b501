internal import Gateway

/// What the control loop keeps for the status and the metrics.
struct ControlFigures {
    /// What has changed.
    var history = StatusHistory()
    /// Probes, answers and reloads.
    var counts = MetricsSnapshot.Counts()
    /// What earlier processes have counted.
    var earlier = Totals()
    /// The traffic of endpoints by name.
    var ledger = EndpointLedger()
    /// How long the last dial of a probe took, and when that was.
    private(set) var probeDials: [EndpointKey: (time: Duration, at: Instant)] = [:]

    /// The name service has answered.
    mutating func answered(_ answer: Answer) {
        let result = MetricsSnapshot.RefreshResult(answer)
        counts.refreshes.count(result)
        if result == .records { counts.lastRecords = WallClock.now() }
    }

    /// A probe has ended.
    mutating func probed(_ endpoint: EndpointKey, _ kind: ProbeKind, _ finding: ProbeFinding) {
        counts.probes.count(MetricsSnapshot.ProbeResult(endpoint: endpoint, kind: kind, outcome: finding.outcome))
        if let time = finding.dialTime { probeDials[endpoint] = (time, MonotonicClock.now()) }
    }

    /// Forgets endpoints that are gone.
    mutating func keep(only endpoints: Set<EndpointKey>) {
        probeDials = probeDials.filter { endpoints.contains($0.key) }
        counts.probes.keep { endpoints.contains($0.endpoint) }
    }
}

/// What does not change while the program runs, for the status.
struct ProgramFacts: Sendable {
    /// When it started.
    var startedAt = MonotonicClock.now()
    /// The same by the clock of then.
    var wallTimeOfStart = WallClock.now()
    /// The unix sockets where clients connect; addresses are known when they are listened on.
    var unixListeners: [String]
    /// What is logged.
    var logChoice: LogChoice
}
