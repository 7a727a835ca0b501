/// What we believe of one endpoint, from dials and probes.
public struct EndpointHealth: Sendable {
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
    /// Suspicion starts at most one probe in this time.
    public static let suspicionPause = Duration.seconds(1)
    /// The wait after a probe that could not be made, for a shortage of ours.
    public static let shortagePause = Duration.seconds(1)
    /// So many failures in a row prove an endpoint dead: a probe and the one that repeats it at once, or a client's dial and
    /// the probe that follows it.
    public static let failuresThatProve = 2
    /// An endpoint of several addresses rests when all of them have failed within this time; an older failure may be over.
    public static let failuresHold = Duration.seconds(10)

    /// The belief.
    public internal(set) var state: State = .untried
    /// Why it is believed bad; meaningless else.
    public internal(set) var trouble: EndpointTrouble?
    /// Which probes it gets, and what they mean.
    public internal(set) var ladder: ProbeLadder
    /// Where it can be dialed, as DNS orders it; empty while that is unknown, or while nobody shall dial it.
    public private(set) var addresses: [SocketAddress] = []
    /// When the next probe is due; `nil` while none is needed or one is under way.
    public internal(set) var nextProbe: Instant?
    var failedAt: [SocketAddress: Instant] = [:]
    /// When a dial or probe last worked.
    public internal(set) var lastSuccess: Instant?
    var lastProbe: Instant?
    var isSuspected = false
    /// Its last probe failed, and one failure is no verdict.
    var hasFailedOnce = false
    var probing: (addresses: [SocketAddress], kind: ProbeKind)?

    /// An endpoint of which nothing is known.
    public init(_ options: ProbeLadder.Options = ProbeLadder.Options()) {
        ladder = ProbeLadder(options)
    }

    /// Whether new sessions go there.
    public var isGood: Bool { if case .resting = state { false } else { true } }

    /// Whether it is proven that it does not work.
    public var isProvenDead: Bool {
        if case .resting(let failures, _) = state { failures >= Self.failuresThatProve } else { false }
    }

    /// Whether a probe is under way.
    public var isProbing: Bool { probing != nil }

    /// The addresses in the order of dialing: those whose last dial failed stand behind the others.
    public var dialOrder: [SocketAddress] {
        guard !failedAt.isEmpty else { return addresses }
        return addresses.filter { failedAt[$0] == nil } + addresses.filter { failedAt[$0] != nil }
    }

    /// Where it can be dialed from now on. The belief stays; but a resting endpoint is looked at in its new place at once,
    /// and one without any place is not looked at.
    public mutating func addressesKnown(_ new: [SocketAddress], at now: Instant) {
        guard new != addresses else { return }
        let hasMoved = new.contains { !addresses.contains($0) }
        addresses = new
        failedAt = failedAt.filter { new.contains($0.key) }
        if new.isEmpty {
            nextProbe = nil
        } else if !isProbing, nextProbe == nil ? !isGood : hasMoved {
            nextProbe = now
        }
    }

    /// A dial of an address worked. Returns whether that changed the belief.
    public mutating func dialSucceeded(_ address: SocketAddress, at now: Instant) -> Bool {
        guard addresses.contains(address), ladder.dialSucceeded(at: now) == .alive else { return false }
        return worked(address, at: now)
    }

    mutating func worked(_ address: SocketAddress, at now: Instant) -> Bool {
        let wasGood = isGood
        failedAt[address] = nil
        lastSuccess = now
        hasFailedOnce = false
        state = .good
        trouble = nil
        if !wasGood { nextProbe = nil }
        return !wasGood
    }

    /// A client's dial of one address, begun at `start`, failed. The endpoint rests once none of its addresses is left.
    /// Where that is not clear a probe shall tell. Returns whether the belief changed.
    public mutating func dialFailed(
        _ address: SocketAddress, _ failure: DialFailure, begunAt start: Instant, at now: Instant
    ) -> Bool {
        guard failure.isEvidence, addresses.contains(address) else { return false }
        guard isGood else {
            failedAt[address] = now
            return false
        }
        if let lastSuccess, lastSuccess > start {
            suspect(at: now)
            return false
        }
        failedAt[address] = now
        let failures = addresses.compactMap { failedAt[$0] }
        guard failures.count == addresses.count else { return false }
        guard failures.allSatisfy({ now - $0 <= Self.failuresHold }) else {
            suspect(at: now)
            return false
        }
        state = .resting(failures: 1, since: now)
        trouble = .silent(failure)
        suspect(at: now)
        return true
    }

    /// Whether anybody else must do something because this is what is believed now, and not `other`.
    func matters(beside other: EndpointHealth?) -> Bool {
        guard let other else { return true }
        return state != other.state || nextProbe != other.nextProbe || dialOrder != other.dialOrder
    }

    /// There is reason to look: a probe is due, but at most one in ``suspicionPause``.
    public mutating func suspect(at now: Instant) {
        guard !isProbing, !addresses.isEmpty else { return }
        let soonest = max(now, lastProbe.map { $0 + Self.suspicionPause } ?? now)
        isSuspected = true
        nextProbe = min(nextProbe ?? soonest, soonest)
    }

    /// Nobody else is left: look as soon as the pace allows, however long the backoff has become.
    public mutating func hurry(at now: Instant) {
        guard !isGood, !isProbing, let due = nextProbe else { return }
        nextProbe = min(due, urgentlyDue(at: now))
    }

    func urgentlyDue(at now: Instant) -> Instant { max(now, lastProbe.map { $0 + Self.urgentRetry } ?? now) }
}
