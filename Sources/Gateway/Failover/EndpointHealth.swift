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
    /// Where it was last, while no address is known.
    private var lastPlace: [SocketAddress] = []
    /// When the next probe is due; `nil` while none is needed or one is under way.
    public internal(set) var nextProbe: Instant?
    var failedAt: [SocketAddress: Instant] = [:]
    /// When a dial or probe last worked.
    public internal(set) var lastSuccess: Instant?
    var lastProbe: Instant?
    /// Whether its host has just moved to a new place: it may accept there before it can serve, so others are preferred.
    private(set) var isUnproven = false
    /// When the last probe that failed began.
    package internal(set) var lastFailure: Instant?
    /// When it had failed.
    var lastFailureEnded: Instant?
    /// Since when it is known to work without a break.
    var goodSince: Instant?
    /// How long its dials take, where that is wanted.
    var dialTimes = DialTimes()
    private var measuresDials: Bool
    /// When a dial last worked that could not restore it: its process may hang all the same.
    var contactedAt: Instant?
    var isSuspected = false
    /// Its last probe failed, and one failure is no verdict.
    var hasFailedOnce = false
    var probing: (addresses: [SocketAddress], kind: ProbeKind, isSuspicion: Bool)?

    /// An endpoint of which nothing is known. Its probes make new connections from time to time if dials are measured.
    public init(_ options: ProbeLadder.Options = ProbeLadder.Options(), measuresDials: Bool = false) {
        ladder = ProbeLadder(options)
        self.measuresDials = measuresDials
    }

    /// An endpoint of which an earlier process knew this much. What was bad then is looked at at once, and so is what was
    /// good, for nobody has looked meanwhile.
    init(inherited entry: Handover.Entry, options: ProbeLadder.Options, measuresDials: Bool, at now: Instant) {
        self.init(options, measuresDials: measuresDials)
        addresses = entry.addresses
        nextProbe = now
        if !entry.isGood {
            state = .resting(failures: 1, since: now)
            trouble = .silent(.timedOut)
        }
    }

    /// Other settings hold from now on. What is believed stays.
    mutating func reconfigured(_ options: ProbeLadder.Options, measuresDials: Bool) {
        ladder.reconfigured(options)
        self.measuresDials = measuresDials
    }

    /// Routine probes are to be planned anew, and a resting endpoint is looked at within `longest`.
    mutating func replan(longest: Duration, at now: Instant) {
        guard !isProbing, let due = nextProbe else { return }
        if isRoutine { nextProbe = nil } else { nextProbe = min(due, now + longest) }
    }

    /// Whether new sessions go there.
    public var isGood: Bool { if case .resting = state { false } else { true } }

    /// Whether it is proven that it does not work, by a probe that is newer than any dial that did: the sessions of a member
    /// that has just come back must not pay for its past.
    public var isProvenDead: Bool {
        guard case .resting(let failures, _) = state, failures >= Self.failuresThatProve else { return false }
        guard let contactedAt, let lastFailure else { return true }
        return contactedAt < lastFailure
    }

    /// Whether the next probe shall make a connection, to measure that.
    func wantsDial(at now: Instant) -> Bool { measuresDials && dialTimes.isStale(at: now) }

    /// Since when it is believed bad; `nil` where it is not.
    var restsSince: Instant? {
        if case .resting(_, let since) = state { since } else { nil }
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
        if !addresses.isEmpty { lastPlace = addresses }
        addresses = new
        failedAt = failedAt.filter { new.contains($0.key) }
        if new.isEmpty {
            planNothing()
        } else if !isProbing, nextProbe == nil ? !isGood : hasMoved {
            nextProbe = now
        }
    }

    /// Its addresses, or the last ones while none is known; `nil` if there never was one.
    var place: [SocketAddress]? {
        if !addresses.isEmpty { return addresses }
        return lastPlace.isEmpty ? nil : lastPlace
    }

    /// What is believed goes on for a former place: its last addresses are what counts.
    mutating func returnedToPlace() {
        if addresses.isEmpty { addresses = lastPlace }
    }

    /// What is believed goes on under another number and at another place, where nothing has worked yet. A probe that is
    /// under way will tell the old number.
    mutating func movedOn() {
        if isGood { (state, isUnproven) = (.untried, true) }
        lastSuccess = nil
        dialTimes = DialTimes()
        probing = nil
        isSuspected = true
        nextProbe = lastProbe ?? .zero
    }

    /// A dial of an address worked. Returns whether that changed the belief.
    public mutating func dialSucceeded(_ address: SocketAddress, at now: Instant) -> Bool {
        guard addresses.contains(address) else { return false }
        guard ladder.dialSucceeded(at: now) == .alive else {
            contactedAt = now
            lookSoon(at: now)
            return false
        }
        return worked(address, at: now)
    }

    mutating func worked(_ address: SocketAddress, at now: Instant) -> Bool {
        let wasGood = isGood
        failedAt[address] = nil
        lastSuccess = now
        if state != .good { goodSince = now }
        (hasFailedOnce, isUnproven) = (false, false)
        state = .good
        trouble = nil
        if !wasGood { planNothing() }
        return !wasGood
    }

    /// What was to be found out is answered, or cannot be asked; the next routine, or suspicion, plans anew.
    private mutating func planNothing() {
        nextProbe = nil
        isSuspected = false
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

    /// It matters now whether this one works: a probe tells, at once, but for the pace of retries.
    mutating func askAgain(at now: Instant) {
        guard !isProbing, !addresses.isEmpty else { return }
        let soonest = max(now, lastProbe.map { $0 + Self.firstRetry } ?? now)
        isSuspected = true
        nextProbe = min(nextProbe ?? soonest, soonest)
    }

    /// Nobody else is left: look as soon as the pace allows, however long the backoff has become.
    public mutating func hurry(at now: Instant) {
        guard !isGood, !isProbing, let due = nextProbe else { return }
        nextProbe = min(due, urgentlyDue(at: now))
    }

    /// It can be reached, and may serve again: look once a second while that goes on, however long the backoff has become.
    private mutating func lookSoon(at now: Instant) {
        guard !isGood, !isProbing, let due = nextProbe else { return }
        nextProbe = min(due, max(now, lastProbe.map { $0 + Self.suspicionPause } ?? now))
    }

    func urgentlyDue(at now: Instant) -> Instant { max(now, lastProbe.map { $0 + Self.urgentRetry } ?? now) }
}
