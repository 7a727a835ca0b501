/// One client's way to an endpoint: which address is dialed when, until one connects or nobody is left.
///
/// The next address is dialed at once when one is refused, and beside it when one is silent for the hedge delay (RFC
/// 8305's idea, across endpoints). The first to connect wins; the data plane joins it and closes the others, so a
/// client's bytes are never sent twice.
public struct DialSequence: Equatable, Sendable {
    /// One attempt at one address.
    public struct Attempt: Equatable, Sendable {
        /// Its number in this sequence.
        public var number: UInt32
        /// Whose address it is.
        public var endpoint: EndpointID
        /// The address.
        public var address: SocketAddress
        /// When it is given up.
        public var deadline: Instant
        /// Whether the endpoint was known to work when the plan was made.
        public var isConfirmed: Bool
        fileprivate var trial: Trial
    }

    /// What to do after a fact.
    public enum Action: Equatable, Sendable {
        /// Start this attempt.
        case dial(Attempt)
        /// Attempts are under way; look again at the next deadline.
        case wait
        /// Our own shortage, wherever we turned: try again after ``DialSequence/shortagePause``.
        case pause
        /// Everybody was tried and failed: hold the client until a new plan comes.
        case hold
    }

    /// How long we wait for our own descriptors, memory or ports to come back.
    public static let shortagePause = Duration.milliseconds(50)

    private let plan: DialPlan
    private let pick: Int
    private var underway = Underway()
    private var tried = TrialSet()
    /// Those of `tried` that failed by a shortage of ours, and deserve another chance.
    private var short = TrialSet()
    /// Every address before this place of the order is tried; it only saves looking there again.
    private var place = 0
    private var nextNumber: UInt32 = 0
    private var hedgeAt: Instant?

    /// A sequence over `plan` that starts with the target `pick` (below ``DialPlan/spread``, or 0).
    public init(plan: DialPlan, startingWith pick: Int = 0) {
        self.plan = plan
        self.pick = pick
    }

    /// The client was accepted, or a new plan gave a held one another chance.
    public mutating func started(at now: Instant) -> Action { dialNext(after: nil, at: now) }

    /// An attempt failed. Another address of the same endpoint is next, then the next endpoint; after a shortage of ours too,
    /// for ports run out towards one address and not towards another.
    public mutating func dialFailed(_ number: UInt32, _ failure: DialFailure, at now: Instant) -> Action {
        guard let attempt = underway.remove(number) else { return .wait }
        if !failure.isEvidence { short.insert(attempt.trial) }
        return dialNext(after: attempt.trial.target, at: now)
    }

    /// The attempt with this number, if it is under way.
    public func attempt(_ number: UInt32) -> Attempt? { underway[number] }

    /// The attempt that has been under way for longest.
    public var oldest: Attempt? { underway.oldest }

    /// The pause for a shortage of ours is over.
    public mutating func pauseEnded(at now: Instant) -> Action {
        tried.subtract(short)
        short = TrialSet()
        place = 0
        return dialNext(after: nil, at: now)
    }

    /// When ``timerFired(at:)`` must be called next.
    public var nextDeadline: Instant? {
        guard let first = underway.firstDeadline else { return hedgeAt }
        return min(first, hedgeAt ?? first)
    }

    /// A deadline was reached: attempts that are too old are given up, and the next address may be due.
    public mutating func timerFired(at now: Instant) -> (timedOut: [Attempt], then: Action) {
        let timedOut = underway.removeExpired(at: now)
        let hedge = hedgeAt.map { $0 <= now } ?? false
        guard hedge || !timedOut.isEmpty else { return ([], .wait) }
        return (timedOut, hedge && nextTrial(after: nil) == nil ? pauseEnded(at: now) : dialNext(after: nil, at: now))
    }

    private mutating func dialNext(after failed: Int?, at now: Instant) -> Action {
        guard let trial = nextTrial(after: failed) else { return nothingToDial(at: now) }
        let target = plan.targets[trial.target]
        let attempt = Attempt(
            number: nextNumber, endpoint: target.endpoint, address: target.addresses[trial.address],
            deadline: now + plan.timing.dialTimeout, isConfirmed: target.isConfirmed, trial: trial)
        nextNumber += 1
        tried.insert(trial)
        underway.add(attempt)
        hedgeAt = nextTrial(after: nil) == nil ? shortOnesDue(at: now) : plan.timing.hedgeDelay.map { now + $0 }
        return .dial(attempt)
    }

    private mutating func nothingToDial(at now: Instant) -> Action {
        hedgeAt = underway.isEmpty ? nil : shortOnesDue(at: now)
        guard underway.isEmpty else { return .wait }
        return short.isEmpty ? .hold : .pause
    }

    /// When those that could not be dialed for a shortage of ours are tried again beside what is under way.
    private func shortOnesDue(at now: Instant) -> Instant? { short.isEmpty ? nil : now + Self.shortagePause }

    /// After a failure the other addresses of that endpoint come first; else every endpoint's first address comes before
    /// anyone's second one, so that a silent host costs one hedge delay however many addresses it has.
    private mutating func nextTrial(after failed: Int?) -> Trial? {
        if let failed, let trial = untried(of: failed) { return trial }
        let targets = plan.targets.count
        while place < targets * plan.mostAddresses {
            if let target = plan.target(at: place % targets, startingWith: pick) {
                let trial = Trial(target: target, address: place / targets)
                if trial.address < plan.targets[target].addresses.count, !tried.contains(trial) { return trial }
            }
            place += 1
        }
        return nil
    }

    private func untried(of target: Int) -> Trial? {
        plan.targets[target].addresses.indices.lazy
            .map { Trial(target: target, address: $0) }
            .first { !tried.contains($0) }
    }
}

/// The attempts of one client that are under way: mostly a single one, which needs no allocation.
private struct Underway: Equatable {
    private var first: DialSequence.Attempt?
    private var others: [DialSequence.Attempt] = []

    var isEmpty: Bool { first == nil && others.isEmpty }

    var oldest: DialSequence.Attempt? { first ?? others.first }

    var firstDeadline: Instant? {
        // All have the same dial timeout, so the oldest is the first to be due; the slot of a failed first one is reused.
        guard let first else { return others.first?.deadline }
        return others.first.map { min($0.deadline, first.deadline) } ?? first.deadline
    }

    subscript(number: UInt32) -> DialSequence.Attempt? {
        first?.number == number ? first : others.first { $0.number == number }
    }

    mutating func add(_ attempt: DialSequence.Attempt) {
        if isEmpty { first = attempt } else { others.append(attempt) }
    }

    mutating func remove(_ number: UInt32) -> DialSequence.Attempt? {
        if let attempt = first, attempt.number == number {
            first = nil
            return attempt
        }
        return others.firstIndex { $0.number == number }.map { others.remove(at: $0) }
    }

    mutating func removeExpired(at now: Instant) -> [DialSequence.Attempt] {
        guard let due = firstDeadline, due <= now else { return [] }
        let expired = ([first].compactMap { $0 } + others).filter { $0.deadline <= now }
        if let attempt = first, attempt.deadline <= now { first = nil }
        others.removeAll { $0.deadline <= now }
        return expired
    }
}
