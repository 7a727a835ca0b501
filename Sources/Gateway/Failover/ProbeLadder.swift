/// Which kind of probe an endpoint gets, and what an outcome means for it.
///
/// Under `auto` each endpoint gets the strongest kind that has ever worked on it. Stronger kinds are explored by routine
/// probes, never under suspicion, and what such a trial fails to get is no evidence: a member may well serve gRPC without
/// serving `/health` on that port. What has worked once is expected from then on.
public struct ProbeLadder: Equatable, Sendable {
    /// What the settings say, and what the endpoint's source says about it.
    public struct Options: Equatable, Sendable {
        /// The kind to use, or `auto`.
        public var check: HealthCheck
        /// Whether a client certificate or an authority is configured, without which `https` is not tried.
        public var hasTLSFiles: Bool
        /// Whether the endpoint is declared to speak TLS; it then never gets plain HTTP. `nil` where nothing is said.
        public var speaksTLS: Bool?

        /// Options in all their parts.
        public init(check: HealthCheck = .auto, hasTLSFiles: Bool = false, speaksTLS: Bool? = nil) {
            self.check = check
            self.hasTLSFiles = hasTLSFiles
            self.speaksTLS = speaksTLS
        }
    }

    /// What a probe's outcome, or a client's dial, says about the endpoint.
    public enum Verdict: Hashable, Sendable {
        /// It works.
        case alive
        /// It does not answer.
        case dead(DialFailure)
        /// It answers that it cannot serve.
        case unhealthy(UnhealthyReason)
        /// Nothing, for or against.
        case inconclusive
    }

    /// The wait from one round of explorations to the next: doubled from the first up to the longest, so that ten
    /// thousand gateways do not fill the members' logs with what will never work.
    public static let explorationPause = (first: Duration.seconds(300), longest: Duration.seconds(3600))
    /// So many answers in a row in another language, and the endpoint has changed: what worked is forgotten.
    public static let misfitsThatUnlearn = 3

    /// What is given.
    public private(set) var options: Options
    /// The kinds that have worked. `tcp` is never among them: it proves nothing that a dial does not.
    public internal(set) var worked: Set<ProbeKind> = []
    /// The kind whose evidence speaks against the endpoint: success of a weaker kind does not restore it.
    public internal(set) var heldBy: ProbeKind?
    var misfits = 0
    var unexplored: [ProbeKind] = []
    var explorationDue: Instant?
    var explorationWait = Self.explorationPause.first

    /// An endpoint of which nothing is known.
    public init(_ options: Options) {
        self.options = options
    }

    /// Other settings hold from now on. What has worked is still expected where the kind of probes is the same; what can
    /// be asked now and could not be before is explored soon.
    mutating func reconfigured(_ new: Options) {
        guard new != options else { return }
        let old = self
        self = ProbeLadder(new)
        guard new.check == old.options.check else { return }
        let usable = { (kind: ProbeKind) in kind != .https || new.hasTLSFiles }
        worked = old.worked.filter(usable)
        heldBy = old.heldBy.flatMap { usable($0) ? $0 : nil }
    }

    /// The strongest kind that has worked; `tcp` where none has.
    public var strongest: ProbeKind { options.check.fixedKind ?? worked.max() ?? .tcp }

    /// Whether success of this kind may restore an endpoint that is believed bad.
    public func mayRestore(_ kind: ProbeKind) -> Bool {
        heldBy.map { kind >= $0 } ?? true
    }

    /// When a routine probe should explore; `nil` while there is nothing to explore. In the past means now.
    public var nextExploration: Instant? {
        candidates.isEmpty || heldBy != nil ? nil : explorationDue
    }

    /// The kind for the next probe. A routine probe is one without suspicion, of an endpoint that is believed good.
    public mutating func kindOfNextProbe(isRoutine: Bool, at now: Instant) -> ProbeKind {
        if let fixed = options.check.fixedKind { return fixed }
        if isAtOdds, let other = candidates(besides: strongest).first {
            misfits += 1  // even: the usual kind is next again
            return other
        }
        guard isRoutine, let due = nextExploration, due <= now else { return strongest }
        if unexplored.isEmpty { unexplored = candidates }
        let kind = unexplored.removeFirst()
        if unexplored.isEmpty {
            explorationDue = now + explorationWait
            explorationWait = min(explorationWait * 2, Self.explorationPause.longest)
        }
        return kind
    }

    /// A client's dial or another bare connect worked.
    public mutating func dialSucceeded(at now: Instant) -> Verdict { succeeded(.tcp, at: now) }

    /// A probe of this kind ended so.
    public mutating func probeEnded(_ kind: ProbeKind, _ outcome: ProbeOutcome, at now: Instant) -> Verdict {
        switch outcome {
        case .connected: return succeeded(.tcp, at: now)
        case .tlsAnswered: return answered(.tls, at: now)
        case .http(.healthy): return answered(kind, at: now)
        case .http(.unhealthy(let reason)):
            learned(kind, at: now)
            heldBy = kind
            return .unhealthy(reason)
        case .unusable(let answer): return gotUnusable(answer, from: kind, at: now)
        case .failed(let failure, let stage): return failed(failure, stage, of: kind, at: now)
        }
    }

    func hasWorked(_ kind: ProbeKind) -> Bool { kind == .tcp || worked.contains(kind) }

    private mutating func answered(_ kind: ProbeKind, at now: Instant) -> Verdict {
        learned(kind, at: now)
        return succeeded(kind, at: now)
    }

    mutating func succeeded(_ kind: ProbeKind, at now: Instant) -> Verdict {
        if explorationDue == nil { explorationDue = now }
        if kind == strongest { misfits = 0 }
        guard mayRestore(kind) else { return .inconclusive }
        heldBy = nil
        return .alive
    }

    private mutating func failed(
        _ failure: DialFailure, _ stage: ProbeStage, of kind: ProbeKind, at now: Instant
    ) -> Verdict {
        guard failure.isEvidence else { return .inconclusive }
        if stage == .dialing { return .dead(failure) }
        // What came before the failure has worked; what did not come counts where it is expected.
        let missing: ProbeKind = kind == .https && stage == .connected ? .tls : kind
        let isExpected = hasWorked(missing) || kind == options.check.fixedKind && failure == .timedOut
        guard isExpected else { return stage == .secured ? answered(.tls, at: now) : succeeded(.tcp, at: now) }
        heldBy = max(heldBy ?? missing, missing)
        misfits += failure == .timedOut ? 0 : 1
        return .dead(failure)
    }
}
