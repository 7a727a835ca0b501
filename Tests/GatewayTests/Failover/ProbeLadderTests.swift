import Gateway
import GatewayTesting
import Testing

@Suite struct ProbeLadderTests {
    private let start = Instant.zero
    private let minutes = Instant.zero + .seconds(3_600)

    /// A ladder after a first dial that worked, and after these kinds have worked.
    private func ladder(
        _ check: HealthCheck = .auto, worked: [ProbeKind] = [], files: Bool = false, tls: Bool? = nil
    ) -> ProbeLadder {
        var ladder = ProbeLadder(.init(check: check, hasTLSFiles: files, speaksTLS: tls))
        _ = ladder.dialSucceeded(at: start)
        for kind in worked { _ = ladder.probeEnded(kind, Self.success(of: kind), at: start) }
        return ladder
    }

    private static func success(of kind: ProbeKind) -> ProbeOutcome {
        switch kind {
        case .tcp: .connected
        case .tls: .tlsAnswered
        case .http, .https: .http(.healthy)
        }
    }

    /// The kinds of so many routine probes in a row, each of which fails to get more than a connection.
    private func routine(_ ladder: inout ProbeLadder, count: Int, at now: Instant) -> [ProbeKind] {
        (0..<count).map { _ in
            let kind = ladder.kindOfNextProbe(isRoutine: true, at: now)
            _ = ladder.probeEnded(kind, kind == .tcp ? .connected : .failed(.refused, .connected), at: now)
            return kind
        }
    }

    @Test func kinds_areOrderedByStrength() {
        #expect(ProbeKind.allCases == ProbeKind.allCases.sorted())
        #expect(ProbeKind.allCases == [.tcp, .tls, .http, .https])
        #expect(HealthCheck.allCases.map(\.fixedKind) == [nil, .tcp, .tls, .http, .https])
    }

    // What is tried when.

    @Test func beforeTheFirstSuccess_onlyTCP() {
        var ladder = ProbeLadder(.init())
        #expect(ladder.nextExploration == nil)
        #expect(ladder.kindOfNextProbe(isRoutine: true, at: start) == .tcp)
        #expect(ladder.probeEnded(.tcp, .failed(.refused, .dialing), at: start) == .dead(.refused))
        #expect(ladder.nextExploration == nil)
        #expect(ladder.dialSucceeded(at: start) == .alive)
        #expect(ladder.nextExploration == start)
    }

    @Test(
        arguments: [
            (false, nil, [.tls, .http, .tcp, .tcp]), (true, nil, [.tls, .http, .tcp, .tcp]),
            (false, false, [.http, .tls, .tcp, .tcp]), (false, true, [.tls, .tcp, .tcp, .tcp]),
            (true, true, [.https, .tls, .tcp, .tcp]),
        ] as [(Bool, Bool?, [ProbeKind])])
    func exploration_isOneRound_thenAPause(files: Bool, tls: Bool?, kinds: [ProbeKind]) {
        var ladder = ladder(files: files, tls: tls)
        #expect(routine(&ladder, count: 4, at: start) == kinds)
        #expect(ladder.nextExploration == start + .seconds(300))
        let later = start + .seconds(300)
        #expect(routine(&ladder, count: 4, at: later) == kinds)
        #expect(ladder.nextExploration == later + .seconds(600))
    }

    @Test func explorations_growRare() {
        var ladder = ladder()
        var rounds = 0
        var now = start
        let day = start + .seconds(86_400)
        while let due = ladder.nextExploration, due < day {
            now = max(now, due)
            _ = routine(&ladder, count: 2, at: now)
            rounds += 1
        }
        #expect(rounds == 27)  // at 0, 5, 15, 35 and 75 minutes, then one an hour
    }

    @Test func suspicion_explores_never() {
        var ladder = ladder()
        #expect(ladder.kindOfNextProbe(isRoutine: false, at: minutes) == .tcp)
        ladder = self.ladder(worked: [.tls], files: true)
        #expect(ladder.kindOfNextProbe(isRoutine: false, at: minutes) == .tls)
        #expect(ladder.kindOfNextProbe(isRoutine: true, at: minutes) == .https)
    }

    @Test func strongestThatWorked_isUsed_andEndsTheExploration() {
        for (kind, files) in [(ProbeKind.http, false), (.http, true), (.https, true), (.tls, false)] {
            var ladder = ladder(worked: [kind], files: files)
            #expect(ladder.strongest == kind)
            #expect(ladder.nextExploration == nil)
            #expect(ladder.kindOfNextProbe(isRoutine: true, at: minutes) == kind)
        }
    }

    @Test func plainServerThatWantsTLS_getsTLSNext() {
        var ladder = ladder(tls: false)
        #expect(ladder.kindOfNextProbe(isRoutine: true, at: start) == .http)
        #expect(ladder.probeEnded(.http, .unusable(.wantsTLS), at: start) == .alive)
        #expect(ladder.kindOfNextProbe(isRoutine: true, at: start) == .tls)
    }

    @Test func declaredTLS_neverGetsPlainHTTP() {
        for files in [false, true] {
            var ladder = ladder(files: files, tls: true)
            var random = SeededGenerator(seed: 4)
            for step in 0..<2_000 {
                let now = start + .seconds(step * 60)
                let kind = ladder.kindOfNextProbe(isRoutine: .random(using: &random), at: now)
                #expect(kind != .http && (files || kind != .https))
                _ = ladder.probeEnded(kind, Self.outcomes.randomElement(using: &random) ?? .connected, at: now)
                if ladder.worked.contains(.http) { break }  // an outcome that no `tls` or `https` probe has
            }
        }
    }

    @Test func fixedKind_isTheOnlyOne() {
        for kind in ProbeKind.allCases {
            guard let check = HealthCheck(rawValue: kind.rawValue) else { continue }
            var ladder = ladder(check, worked: ProbeKind.allCases)
            #expect(ladder.kindOfNextProbe(isRoutine: true, at: minutes) == kind)
            #expect(ladder.strongest == kind && ladder.nextExploration == nil)
        }
    }

    // What outcomes mean.

    private static let outcomes: [ProbeOutcome] =
        [.connected, .tlsAnswered, .http(.healthy), .http(.unhealthy(.noLeader))]
        + [.status(404), .status(503), .notHTTP, .wantsTLS, .notTLS, .tlsRefused, .untrusted, .noTLSFiles, .tooLong]
        .map { .unusable($0) }
        + [ProbeStage.dialing, .connected, .secured].flatMap { stage in
            [DialFailure.refused, .unreachable, .timedOut, .local].map { .failed($0, stage) }
        }

    @Test(arguments: ProbeKind.allCases, [[], [.tls], [.http], [.tls, .https]] as [[ProbeKind]])
    func dialFailures_areEvidence_ofEveryKind(kind: ProbeKind, worked: [ProbeKind]) {
        for failure in [DialFailure.refused, .unreachable, .timedOut] {
            var ladder = ladder(worked: worked)
            #expect(ladder.probeEnded(kind, .failed(failure, .dialing), at: start) == .dead(failure))
            #expect(ladder.mayRestore(.tcp))
        }
    }

    @Test(arguments: ProbeKind.allCases, [[], [.tls], [.http], [.tls, .https]] as [[ProbeKind]])
    func ownShortage_isNoEvidence(kind: ProbeKind, worked: [ProbeKind]) {
        for stage in [ProbeStage.dialing, .connected, .secured] {
            var ladder = ladder(worked: worked)
            let before = ladder
            #expect(ladder.probeEnded(kind, .failed(.local, stage), at: start) == .inconclusive)
            #expect(ladder == before)
        }
    }

    /// Where a kind has never worked, its silence proves no more than the connection it got.
    @Test(arguments: [ProbeKind.tls, .http, .https])
    func silence_ofAKindThatNeverWorked_isAConnection(kind: ProbeKind) {
        var ladder = ladder(files: true)
        #expect(ladder.probeEnded(kind, .failed(.timedOut, .connected), at: start) == .alive)
        #expect(ladder.strongest == .tcp)
    }

    @Test(
        arguments: [
            ([.tls], .tls, .connected), ([.http], .http, .connected), ([.tls], .https, .connected),
            ([.https], .https, .connected), ([.https], .https, .secured), ([.https], .tls, .connected),
        ] as [([ProbeKind], ProbeKind, ProbeStage)])
    func silence_whereAnAnswerWasExpected_isDeath(worked: [ProbeKind], kind: ProbeKind, stage: ProbeStage) {
        for failure in [DialFailure.timedOut, .refused] {
            var ladder = ladder(worked: worked, files: true)
            #expect(ladder.probeEnded(kind, .failed(failure, stage), at: start) == .dead(failure))
            #expect(ladder.dialSucceeded(at: start) == .inconclusive)  // the kernel still accepts
            #expect(!ladder.mayRestore(.tcp))
            #expect(ladder.probeEnded(kind, Self.success(of: kind), at: start) == .alive)
        }
    }

    @Test func silenceAfterTheHandshake_ofATrial_provesTLS() {
        var ladder = ladder(worked: [.tls], files: true)
        #expect(ladder.probeEnded(.https, .failed(.timedOut, .secured), at: start) == .alive)
        #expect(ladder.strongest == .tls)
    }

    @Test(arguments: [ProbeKind.http, .https])
    func unhealthy_counts_alsoTheFirstTime(kind: ProbeKind) {
        var ladder = ladder(files: true)
        let outcome = ProbeOutcome.http(.unhealthy(.noLeader))
        #expect(ladder.probeEnded(kind, outcome, at: start) == .unhealthy(.noLeader))
        #expect(ladder.heldBy == kind && ladder.strongest == kind)
        #expect(ladder.dialSucceeded(at: start) == .inconclusive)
        #expect(ladder.probeEnded(.tls, .failed(.refused, .connected), at: start) != .alive)
        #expect(ladder.probeEnded(kind, .http(.healthy), at: start) == .alive)
        #expect(ladder.heldBy == nil)
    }

    @Test func tlsAnswer_doesNotRestore_whatHTTPSFoundUnhealthy() {
        var ladder = ladder(worked: [.https], files: true)
        _ = ladder.probeEnded(.https, .http(.unhealthy(.learner)), at: start)
        #expect(ladder.probeEnded(.tls, .tlsAnswered, at: start) == .inconclusive)
        #expect(ladder.kindOfNextProbe(isRoutine: false, at: start) == .https)
    }

    @Test(arguments: [UnusableAnswer.status(404), .status(500), .notHTTP, .tooLong])
    func httpError_ofAServerThatNeverAnsweredWell_provesThatItRuns(answer: UnusableAnswer) {
        var ladder = ladder(files: true)
        for _ in 0..<10 { #expect(ladder.probeEnded(.http, .unusable(answer), at: start) == .alive) }
        #expect(ladder.strongest == .tcp)
        for _ in 0..<10 { #expect(ladder.probeEnded(.https, .unusable(answer), at: start) == .alive) }
        #expect(ladder.strongest == .tls)  // the answer came through TLS
    }

    @Test func serverError_ofAServerThatAnsweredWell_counts() {
        var ladder = ladder(worked: [.http])
        for _ in 0..<10 {
            #expect(ladder.probeEnded(.http, .unusable(.status(503)), at: start) == .unhealthy(.status(503)))
        }
        #expect(ladder.dialSucceeded(at: start) == .inconclusive)
        #expect(ladder.strongest == .http)
    }

    @Test func answersOfAnotherLanguage_threeInARow_unlearn() {
        var ladder = ladder(worked: [.http])
        #expect(ladder.probeEnded(.http, .unusable(.wantsTLS), at: start) == .inconclusive)
        #expect(ladder.probeEnded(.http, .http(.healthy), at: start) == .alive)  // in a row
        #expect(ladder.probeEnded(.http, .unusable(.wantsTLS), at: start) == .inconclusive)
        #expect(ladder.probeEnded(.http, .unusable(.wantsTLS), at: start) == .inconclusive)
        #expect(ladder.probeEnded(.http, .unusable(.wantsTLS), at: start) == .alive)
        #expect(ladder.strongest == .tcp)
        #expect(routine(&ladder, count: 2, at: start) == [.tls, .http])
    }

    @Test func refusedClientCertificate_fallsBackToTLS() {
        var ladder = ladder(worked: [.https], files: true)
        for _ in 0..<2 { #expect(ladder.probeEnded(.https, .unusable(.tlsRefused), at: start) == .inconclusive) }
        #expect(ladder.probeEnded(.https, .unusable(.tlsRefused), at: start) == .alive)
        #expect(ladder.kindOfNextProbe(isRoutine: true, at: start) == .tls)
        #expect(ladder.kindOfNextProbe(isRoutine: true, at: start + .seconds(300)) == .https)
    }

    /// TLS was turned off: the member closes what begins with a ClientHello.
    @Test func connectionsThatAreClosed_areTriedInTheOtherLanguage_everySecondTime() {
        var ladder = ladder(worked: [.tls])
        var kinds: [ProbeKind] = []
        for _ in 0..<8 {
            let kind = ladder.kindOfNextProbe(isRoutine: false, at: start)
            kinds.append(kind)
            let verdict = ladder.probeEnded(kind, .failed(.refused, .connected), at: start)
            #expect(verdict == (kind == .tls ? .dead(.refused) : .inconclusive))
        }
        #expect(kinds == [.tls, .tls, .tls, .http, .tls, .http, .tls, .http])
        #expect(ladder.probeEnded(.http, .http(.healthy), at: start) == .alive)
        #expect(ladder.worked == [.http] && ladder.heldBy == nil)
    }

    @Test func fixedKind_takesSilenceForDeath_andAStrangeAnswerForLife() {
        for (check, kind) in [(HealthCheck.tls, ProbeKind.tls), (.http, .http), (.https, .https)] {
            var ladder = ladder(check)
            #expect(ladder.probeEnded(kind, .failed(.refused, .connected), at: start) == .alive)
            #expect(ladder.probeEnded(kind, .unusable(.status(404)), at: start) == .alive)
            #expect(ladder.probeEnded(kind, .failed(.timedOut, .connected), at: start) == .dead(.timedOut))
            #expect(ladder.dialSucceeded(at: start) == .inconclusive)
            #expect(ladder.probeEnded(kind, Self.success(of: kind), at: start) == .alive)
        }
    }

    /// Every sequence of three (kind, outcome) pairs from every beginning keeps what is promised of all of them.
    @Test(arguments: HealthCheck.allCases, [nil, false, true] as [Bool?])
    func allShortStories_keepThePromises(check: HealthCheck, tls: Bool?) {
        for worked in [[], [.tls], [.http], [.https]] as [[ProbeKind]] {
            let first = ladder(check, worked: worked, files: true, tls: tls)
            for kind in ProbeKind.allCases {
                for outcome in Self.outcomes where kind != .tcp || outcome.isOfTCP {
                    var second = first
                    keepsPromises(&second, kind, outcome)
                    for other in [ProbeKind.tls, .http] {
                        for next in Self.outcomes {
                            var third = second
                            keepsPromises(&third, other, next)
                        }
                    }
                }
            }
        }
    }

    private func keepsPromises(_ ladder: inout ProbeLadder, _ kind: ProbeKind, _ outcome: ProbeOutcome) {
        let before = ladder
        let verdict = ladder.probeEnded(kind, outcome, at: start)
        var promises: [Bool] = [
            // Plain and TLS never both work on one port; `https` implies `tls`; `tcp` is no knowledge.
            !ladder.worked.contains(.http) || ladder.worked == [.http],
            !ladder.worked.contains(.https) || ladder.worked.contains(.tls),
            !ladder.worked.contains(.tcp),
            // Whoever is believed to live is not held, and nobody is held without a reason.
            verdict != .alive || ladder.heldBy == nil,
            ladder.heldBy == nil || before.heldBy != nil || verdict != .inconclusive,
        ]
        switch outcome {
        case .failed(.local, _): promises.append(verdict == .inconclusive && ladder == before)
        case .failed(let failure, .dialing): promises.append(verdict == .dead(failure))
        case .http(.unhealthy(let reason)): promises.append(verdict == .unhealthy(reason))
        case .http(.healthy) where kind >= .http: promises.append(verdict == .alive || before.heldBy ?? .tcp > kind)
        case .connected: promises.append(verdict == (before.heldBy == nil ? .alive : .inconclusive))
        default: break
        }
        guard promises.contains(false) else { return }
        Issue.record("\(before) \(kind) \(outcome): \(verdict) \(promises)")
    }
}

extension ProbeOutcome {
    /// Whether a `tcp` probe can end so.
    fileprivate var isOfTCP: Bool {
        switch self {
        case .connected, .failed(_, .dialing): true
        default: false
        }
    }
}
