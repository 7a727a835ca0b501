/// What we believe of one endpoint, from dials and probes.
public struct EndpointHealth: Equatable, Sendable {
    /// The belief.
    public enum State: Equatable, Sendable {
        /// Nothing is known, which is as good as good. Can transition to: good, resting.
        case untried
        /// The last dial or probe worked. Can transition to: resting.
        case good
        /// Something failed: it gets no new session while others are good. Can transition to: good, resting (once more).
        case resting(failures: Int, since: Instant)
    }

    /// How soon after a failure a probe looks again, before backoff grows: a restarting member is back within seconds.
    public static let firstRetry = Duration.milliseconds(250)
    /// How often everybody is probed while clients are held and nobody is good.
    public static let urgentRetry = Duration.milliseconds(400)
    /// So many failures in a row prove an endpoint dead: the dial or probe that failed, and the probe that followed at once.
    public static let failuresThatProve = 2

    /// The belief.
    public private(set) var state: State = .untried
    /// Why it is believed bad; meaningless else.
    public private(set) var lastFailure: DialFailure?
    /// Addresses whose last dial failed; they are dialed after the others.
    public private(set) var failedAddresses: Set<IPAddress> = []
    /// When the next probe is due; `nil` while none is needed or one is under way.
    public private(set) var nextProbe: Instant?
    /// When the last probe began.
    public private(set) var lastProbe: Instant?
    /// Whether a probe is under way.
    public private(set) var isProbing = false

    /// An endpoint of which nothing is known.
    public init() {}

    /// Whether new sessions go there.
    public var isGood: Bool { if case .resting = state { false } else { true } }

    /// Whether it is proven that it does not work.
    public var isProvenDead: Bool {
        if case .resting(let failures, _) = state { failures >= Self.failuresThatProve } else { false }
    }

    /// A dial or probe of an address worked. Returns whether that changed the belief.
    public mutating func succeeded(_ ip: IPAddress) -> Bool {
        failedAddresses.remove(ip)
        let changed = !isGood
        state = .good
        lastFailure = nil
        nextProbe = nil
        return changed
    }

    /// A client's dial of one address failed. The endpoint rests once none of its addresses is left. Returns whether that
    /// changed the belief.
    public mutating func dialFailed(
        _ ip: IPAddress, _ failure: DialFailure, of addresses: [IPAddress], at now: Instant
    ) -> Bool {
        guard failure.isEvidence else { return false }
        failedAddresses.insert(ip)
        guard isGood, addresses.allSatisfy({ failedAddresses.contains($0) }) else { return false }
        state = .resting(failures: 1, since: now)
        lastFailure = failure
        if !isProbing { nextProbe = now }
        return true
    }

    /// There is reason to look: a probe is due now, but at most one a second.
    public mutating func suspected(at now: Instant) {
        guard !isProbing else { return }
        let soonest = lastProbe.map { max($0 + Self.suspicionAtMostEvery, now) } ?? now
        nextProbe = min(nextProbe ?? soonest, soonest)
    }

    /// Suspicion starts at most one probe a second (design: for each endpoint of each gateway).
    public static let suspicionAtMostEvery = Duration.seconds(1)

    /// A probe begins.
    public mutating func probeStarted(at now: Instant) {
        isProbing = true
        lastProbe = now
        nextProbe = nil
    }

    /// The probe failed at every address. The wait for the next one grows up to `longest`. Returns whether the endpoint was
    /// believed good before.
    public mutating func probeFailed(
        _ failure: DialFailure, at now: Instant, longest: Duration, isUrgent: Bool,
        using generator: inout some RandomNumberGenerator
    ) -> Bool {
        isProbing = false
        var (failures, since) = (0, now)
        let wasGood = isGood
        if case .resting(let before, let start) = state { (failures, since) = (before, start) }
        if failure.isEvidence {
            failures += 1
            state = .resting(failures: failures, since: since)
            lastFailure = failure
        }
        let backoff = Backoff(first: Self.firstRetry, longest: longest)
        let wait = backoff.wait(afterFailures: max(failures - 1, 1), using: &generator)
        // The first failed probe is repeated at once where nothing was known against the endpoint before.
        nextProbe = failures == 1 ? now : now + (isUrgent ? min(wait, Self.urgentRetry) : wait)
        return wasGood && !isGood
    }

    /// The probe worked.
    public mutating func probeSucceeded(_ ip: IPAddress) -> Bool {
        isProbing = false
        return succeeded(ip)
    }

    /// Nobody else is left, and clients wait: look soon, however long the backoff has become.
    public mutating func hurry(at now: Instant) {
        guard !isGood, !isProbing, let due = nextProbe else { return }
        nextProbe = min(due, now + Self.urgentRetry)
    }
}
