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
        fileprivate var target: Int
    }

    /// What to do after a fact.
    public enum Action: Equatable, Sendable {
        /// Start this attempt.
        case dial(Attempt)
        /// Attempts are under way; look again at the next deadline.
        case wait
        /// Our own shortage: try again after ``DialSequence/shortagePause``.
        case pause
        /// Everybody was tried and failed: hold the client until a new plan comes.
        case hold
    }

    /// How long we wait for our own descriptors, memory or ports to come back.
    public static let shortagePause = Duration.milliseconds(50)

    private struct Trial: Hashable {
        var target: Int
        var address: Int
    }

    private let plan: DialPlan
    private let pick: Int
    private var underway: [Attempt] = []
    private var tried: [Trial] = []
    private var nextNumber: UInt32 = 0
    private var hedgeAt: Instant?

    /// A sequence over `plan` that starts with the target `pick` (below ``DialPlan/spread``, or 0).
    public init(plan: DialPlan, startingWith pick: Int = 0) {
        self.plan = plan
        self.pick = pick
    }

    /// The client was accepted, or a new plan gave a held one another chance.
    public mutating func started(at now: Instant) -> Action { dialNext(after: nil, at: now) }

    /// An attempt failed. Another address of the same endpoint is next, then the next endpoint.
    public mutating func dialFailed(_ number: UInt32, _ failure: DialFailure, at now: Instant) -> Action {
        guard let index = underway.firstIndex(where: { $0.number == number }) else { return .wait }
        let attempt = underway.remove(at: index)
        guard failure.isEvidence else {
            tried.removeAll { $0.target == attempt.target }
            return underway.isEmpty ? .pause : .wait
        }
        return dialNext(after: attempt.target, at: now)
    }

    /// The attempt with this number, if it is under way.
    public func attempt(_ number: UInt32) -> Attempt? { underway.first { $0.number == number } }

    /// The attempt that has been under way for longest.
    public var oldest: Attempt? { underway.first }

    /// The pause for a shortage of ours is over.
    public mutating func pauseEnded(at now: Instant) -> Action { dialNext(after: nil, at: now) }

    /// When ``timerFired(at:)`` must be called next.
    public var nextDeadline: Instant? {
        let first = underway.map(\.deadline).min()
        guard let hedgeAt, hasUntried else { return first }
        return min(first ?? hedgeAt, hedgeAt)
    }

    /// A deadline was reached: attempts that are too old are given up, and the next address may be due.
    public mutating func timerFired(at now: Instant) -> (timedOut: [Attempt], then: Action) {
        let timedOut = underway.filter { $0.deadline <= now }
        underway.removeAll { $0.deadline <= now }
        let hedge = hedgeAt.map { $0 <= now } ?? false
        guard hedge || !timedOut.isEmpty else { return ([], .wait) }
        return (timedOut, dialNext(after: nil, at: now))
    }

    private var hasUntried: Bool { nextTrial(after: nil) != nil }

    private mutating func dialNext(after failed: Int?, at now: Instant) -> Action {
        guard let trial = nextTrial(after: failed) else {
            hedgeAt = nil
            return underway.isEmpty ? .hold : .wait
        }
        let target = plan.targets[trial.target]
        let attempt = Attempt(
            number: nextNumber, endpoint: target.endpoint, address: target.addresses[trial.address],
            deadline: now + plan.timing.dialTimeout, isConfirmed: target.isConfirmed, target: trial.target)
        nextNumber += 1
        tried.append(trial)
        underway.append(attempt)
        hedgeAt = plan.timing.hedgeDelay.map { now + $0 }
        return .dial(attempt)
    }

    /// After a failure the other addresses of that endpoint come first; else every endpoint's first address comes before
    /// anyone's second one, so that a silent host costs one hedge delay however many addresses it has.
    private func nextTrial(after failed: Int?) -> Trial? {
        if let failed, let trial = untried(of: failed) { return trial }
        let longest = plan.targets.reduce(0) { max($0, $1.addresses.count) }
        for address in 0..<longest {
            var place = 0
            while let target = plan.target(at: place, startingWith: pick) {
                let trial = Trial(target: target, address: address)
                if address < plan.targets[target].addresses.count, !tried.contains(trial) { return trial }
                place += 1
            }
        }
        return nil
    }

    private func untried(of target: Int) -> Trial? {
        plan.targets[target].addresses.indices.lazy
            .map { Trial(target: target, address: $0) }
            .first { !tried.contains($0) }
    }
}
