// What may be tried, and what answers in another language mean.
extension ProbeLadder {
    /// It closes connections without an answer: perhaps it speaks TLS now and did not before, or the other way round, so
    /// every second probe tries that.
    var isAtOdds: Bool { misfits >= Self.misfitsThatUnlearn && !misfits.isMultiple(of: 2) }

    /// The stronger kinds that have not worked and may.
    var candidates: [ProbeKind] {
        guard options.check == .auto else { return [] }
        switch worked.max() {
        case .http, .https: return []
        case .tls: return options.hasTLSFiles ? [.https] : []
        case .tcp, nil: return candidates(besides: .tcp)
        }
    }

    /// TLS first where nothing is said: etcd closes a plain port without a word when it gets a ClientHello, and logs a
    /// warning when a TLS port gets plain HTTP (seen with 3.4.23).
    func candidates(besides kind: ProbeKind) -> [ProbeKind] {
        let withTLS: [ProbeKind] = options.hasTLSFiles ? [.https, .tls] : [.tls]
        let all: [ProbeKind] =
            switch (options.speaksTLS, kind) {
            case (true, _): withTLS
            case (_, .http): [.tls]
            case (_, .tls), (_, .https): [.http]
            case (false, .tcp): [.http, .tls]
            case (nil, .tcp): [.tls, .http]
            }
        return all.filter { $0 != kind }
    }

    /// A kind works. Plain and TLS exclude each other on one port, so the other one is forgotten.
    mutating func learned(_ kind: ProbeKind, at now: Instant) {
        guard kind != .tcp else { return }
        let news: Set<ProbeKind> = kind == .https ? [.tls, .https] : [kind]
        guard !news.isSubset(of: worked) else { return }
        let isChange = worked.contains(.http) != news.contains(.http)
        if isChange, !worked.isEmpty {
            worked = []
            heldBy = nil
            misfits = 0
        }
        worked.formUnion(news)
        unexplored = []
        explorationDue = now
        explorationWait = Self.explorationPause.first
    }

    mutating func gotUnusable(_ answer: UnusableAnswer, from kind: ProbeKind, at now: Instant) -> Verdict {
        let proven: ProbeKind = kind == .https && answer.provesTLS ? .tls : .tcp
        if proven == .tls, !hasWorked(.tls) { learned(.tls, at: now) }
        guard hasWorked(kind), kind != .tcp else {
            if answer == .wantsTLS, worked.isEmpty { unexplored = candidates.filter { $0 != .http } }
            return succeeded(proven, at: now)
        }
        if case .status(let status) = answer, status >= 500 {
            heldBy = kind
            return .unhealthy(.status(status))
        }
        misfits += 1
        guard misfits >= Self.misfitsThatUnlearn else { return .inconclusive }
        unlearn(kind, at: now)
        return succeeded(proven, at: now)
    }

    /// What worked works no more, and something else answers: the endpoint was configured anew.
    private mutating func unlearn(_ kind: ProbeKind, at now: Instant) {
        worked.remove(kind)
        heldBy = nil
        misfits = 0
        unexplored = []
        explorationWait = Self.explorationPause.first
        explorationDue = worked.isEmpty ? now : now + explorationWait
    }
}
