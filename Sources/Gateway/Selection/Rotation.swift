/// Spreads sessions over the first targets of a plan, so that each gets exactly its share: smooth weighted round robin.
///
/// Every pick gives each target credit for its weight, takes the one with most, and makes it pay the sum of all weights. The
/// credit lives through new plans, so that a change elsewhere does not start the round anew.
public struct Rotation: Equatable, Sendable {
    private var credit: [EndpointID: Int64] = [:]
    /// What a session costs: the sum of the weights of those that share them now.
    private var session: Int64 = 0
    /// Sessions that were given to each endpoint and have not ended, for `least-sessions`.
    private var sessions: [EndpointID: Int] = [:]

    /// A round that begins with the first pick, at a random place, so that machines that start together differ.
    public init() {}

    /// The target with which the next client's dial starts. Under `least-sessions` the client is counted there from now on;
    /// ``settled(meantFor:joined:)`` tells what became of it.
    public mutating func pick(from plan: DialPlan, using generator: inout some RandomNumberGenerator) -> Int {
        let pick = next(in: plan, using: &generator)
        if plan.policy == .leastSessions, !plan.targets.isEmpty { began(on: plan.targets[pick].endpoint) }
        return pick
    }

    /// A client that was counted at one endpoint was joined to this one, or to none.
    public mutating func settled(meantFor meant: EndpointID, joined: EndpointID?) {
        guard meant != joined else { return }
        ended(on: meant)
        if let joined { began(on: joined) }
    }

    /// The target for the next session: an index below ``DialPlan/spread``, or 0.
    public mutating func next(in plan: DialPlan, using generator: inout some RandomNumberGenerator) -> Int {
        guard plan.spread > 1 else { return 0 }
        let targets = Array(plan.targets.prefix(plan.spread))
        if credit.isEmpty {
            let picks = Self.round(targets, plan.policy)
            for _ in 0..<Int.random(in: 0..<picks, using: &generator) { _ = take(targets, plan.policy) }
        }
        if credit.count > 2 * targets.count {
            let ids = Set(targets.map(\.endpoint))
            credit = credit.filter { ids.contains($0.key) }
        }
        return take(targets, plan.policy)
    }

    private mutating func take(_ targets: [DialPlan.Target], _ policy: Policy) -> Int {
        let weights = policy == .weighted ? WeightedDraw.effective(targets.map(\.weight)) : targets.map { _ in 1 }
        let session = Int64(weights.reduce(0, +))
        if session != self.session { scale(to: session) }
        let eligible = policy == .leastSessions ? leastBusy(targets) : Array(targets.indices)
        var (best, bestCredit) = (eligible[0], Int64.min)
        for index in eligible {
            let saved = max(-session, min(session, credit[targets[index].endpoint, default: 0]))
            let earned = saved + Int64(weights[index])
            credit[targets[index].endpoint] = earned
            if earned > bestCredit { (best, bestCredit) = (index, earned) }
        }
        credit[targets[best].endpoint] = bestCredit - Int64(eligible.reduce(0) { $0 + weights[$1] })
        return best
    }

    /// After so many picks all begins again, or at most a thousand. Whoever starts within a round, each place as likely as the
    /// next, favours nobody; so thousands of machines with a few sessions each keep the shares together.
    private static func round(_ targets: [DialPlan.Target], _ policy: Policy) -> Int {
        guard policy == .weighted else { return targets.count }
        let weights = WeightedDraw.effective(targets.map(\.weight))
        let divisor = weights.reduce(0, greatestCommonDivisor)
        return Int(min(1_000, weights.reduce(0, +) / max(1, divisor)))
    }

    private static func greatestCommonDivisor(_ left: UInt64, _ right: UInt64) -> UInt64 {
        right == 0 ? left : greatestCommonDivisor(right, left % right)
    }

    /// Half a session stays half a session, whatever one costs now: else who has saved thousands beside a heavy endpoint
    /// would get the next hundreds when that one leaves, or when the policy changes.
    private mutating func scale(to session: Int64) {
        if self.session > 0 { credit = credit.mapValues { $0 * session / self.session } }
        self.session = session
    }

    private func leastBusy(_ targets: [DialPlan.Target]) -> [Int] {
        let counts = targets.map { sessions[$0.endpoint, default: 0] }
        return targets.indices.filter { counts[$0] == counts.min() }
    }

    /// So many sessions are open: nobody has counted them before.
    public mutating func counted(_ sessions: [EndpointID: Int]) { self.sessions = sessions }

    /// A session was given to this endpoint: chosen for it, or joined to it after all.
    public mutating func began(on endpoint: EndpointID) {
        sessions[endpoint, default: 0] += 1
    }

    /// It ended, or another endpoint won it.
    public mutating func ended(on endpoint: EndpointID) {
        let left = sessions[endpoint, default: 0] - 1
        sessions[endpoint] = left > 0 ? left : nil
    }
}
