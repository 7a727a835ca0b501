// What probes add to the belief.
extension EndpointHealth {
    /// Another place to look at in the background is every endpoint without sessions; so often is it looked at.
    public static let idleInterval = Duration.seconds(30)
    /// A routine probe comes up to this part of its interval sooner or later, so that machines do not probe together.
    private static let jitterPercent: Int64 = 20
    /// How soon after the start, or after something was learned, a routine probe looks for a stronger kind: soon, for a member
    /// that hangs before that is known to hang by nobody.
    private static let explorationDelay = (least: Int64(20_000_000), most: Int64(200_000_000))

    /// What a probe is to do.
    public struct Probe: Equatable, Sendable {
        /// The addresses, to be tried in this order until one answers.
        public var addresses: [SocketAddress]
        /// What to ask there.
        public var kind: ProbeKind
        /// Whether a kept connection will not do, because the dial is to be measured.
        public var isFresh: Bool
    }

    /// How a finished probe changed the belief.
    public enum Change: Equatable, Sendable {
        case none
        case becameGood
        case becameBad
    }

    /// Whether the next probe is one in the background, without any suspicion.
    public var isRoutine: Bool { isGood && !isSuspected }

    /// Whether a routine probe would say no more than bytes that just came from there.
    public func isExcused(byBytesAt lastReceived: Instant?, at now: Instant, interval: Duration) -> Bool {
        guard isRoutine, !wantsDial(at: now), let lastReceived, now - lastReceived < interval else { return false }
        return ladder.strongest <= .tls && (ladder.nextExploration.map { $0 > now } ?? true)
    }

    /// When a probe last began.
    public var probedAt: Instant? { lastProbe }

    /// A probe begins.
    public mutating func probeStarted(at now: Instant) -> Probe {
        let probe = Probe(
            addresses: dialOrder, kind: ladder.kindOfNextProbe(isRoutine: isRoutine, at: now),
            isFresh: wantsDial(at: now))
        probing = (probe.addresses, probe.kind, isSuspicion: isSuspected || isUnproven)
        lastProbe = now
        nextProbe = nil
        isSuspected = false
        return probe
    }

    /// A routine probe is due within this interval, sooner if there is something to explore; `nil`: only to explore, else
    /// nobody would ever know more of the endpoint than that it accepts.
    public mutating func planRoutine(
        every interval: Duration?, at now: Instant, using generator: inout some RandomNumberGenerator
    ) {
        guard isGood, !isProbing, !isSuspected, !addresses.isEmpty else { return }
        var due = interval.map { now + Self.jittered($0, using: &generator) }
        if state == .untried && interval != nil || (ladder.nextExploration.map { $0 <= now } ?? false) {
            let delay = Int64.random(in: Self.explorationDelay.least...Self.explorationDelay.most, using: &generator)
            let soon = now + .nanoseconds(delay)
            due = min(due ?? soon, soon)
        }
        if let due { nextProbe = min(nextProbe ?? due, due) }
    }

    /// How long after it was planned a routine probe of this interval is due at the latest.
    static func latest(_ interval: Duration) -> Duration { interval + interval * Int(jitterPercent) / 100 }

    private static func jittered(_ interval: Duration, using generator: inout some RandomNumberGenerator) -> Duration {
        let nanoseconds = interval.wholeNanoseconds
        let part = nanoseconds / 100 * jitterPercent
        return .nanoseconds(nanoseconds + Int64.random(in: -part...part, using: &generator))
    }

    /// The probe ended: at `address` where one was reached.
    public mutating func probeEnded(
        _ outcome: ProbeOutcome, at address: SocketAddress?, now: Instant, longest: Duration, isUrgent: Bool,
        using generator: inout some RandomNumberGenerator
    ) -> Change {
        guard let probed = probing else { return .none }
        probing = nil
        let verdict = ladder.probeEnded(probed.kind, outcome, at: now)
        guard !addresses.isEmpty, !hasMoved(since: probed.addresses) else {
            return lookAgain(at: now, stillSuspected: probed.isSuspicion)
        }
        switch verdict {
        case .alive:
            guard let address, addresses.contains(address) else {
                return lookAgain(at: now, stillSuspected: probed.isSuspicion)
            }
            return worked(address, at: now) ? .becameGood : .none
        case .inconclusive:
            isSuspected = isGood && probed.isSuspicion
            nextProbe = isGood && !isSuspected ? nil : now + Self.shortagePause
            return .none
        case .dead(let failure):
            // A dial that worked meanwhile is newer than the probe; about a process that hangs it says nothing.
            if case .failed(_, .dialing) = outcome, let lastSuccess, let lastProbe, lastSuccess >= lastProbe {
                return lookAgain(at: now, stillSuspected: false)
            }
            return failed(.silent(failure), at: now, longest: longest, isUrgent: isUrgent, using: &generator)
        case .unhealthy(let reason):
            return failed(.unhealthy(reason), at: now, longest: longest, isUrgent: isUrgent, using: &generator)
        }
    }

    private mutating func failed(
        _ trouble: EndpointTrouble, at now: Instant, longest: Duration, isUrgent: Bool,
        using generator: inout some RandomNumberGenerator
    ) -> Change {
        // One lost packet is no verdict: the first failed probe of a good endpoint is repeated at once.
        if isGood, !hasFailedOnce {
            hasFailedOnce = true
            isSuspected = true
            nextProbe = now
            return .none
        }
        let wasGood = isGood
        let failures = countFailure(trouble, at: now)
        let wait = Backoff(first: Self.firstRetry, longest: longest)
            .wait(afterFailures: max(failures - 1, 1), using: &generator)
        nextProbe = isUrgent ? min(now + wait, urgentlyDue(at: now)) : now + wait
        return wasGood ? .becameBad : .none
    }

    private mutating func countFailure(_ trouble: EndpointTrouble, at now: Instant) -> Int {
        var (failures, since) = (Self.failuresThatProve, now)
        hasFailedOnce = false
        if case .resting(let before, let start) = state { (failures, since) = (before + 1, start) }
        state = .resting(failures: failures, since: since)
        self.trouble = trouble
        (lastFailure, lastFailureEnded) = (lastProbe ?? now, now)
        for address in addresses { failedAt[address] = now }
        return failures
    }

    private func hasMoved(since probed: [SocketAddress]) -> Bool { addresses.contains { !probed.contains($0) } }

    /// The probe told nothing of what matters now.
    private mutating func lookAgain(at now: Instant, stillSuspected: Bool) -> Change {
        isSuspected = isGood && stillSuspected && !addresses.isEmpty
        nextProbe = addresses.isEmpty || isGood && !isSuspected ? nil : now
        return .none
    }
}

/// Why an endpoint is believed bad.
public enum EndpointTrouble: Hashable, Sendable {
    /// It does not answer.
    case silent(DialFailure)
    /// It answers that it cannot serve.
    case unhealthy(UnhealthyReason)
}
