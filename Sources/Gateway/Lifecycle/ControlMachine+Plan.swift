extension ControlMachine {
    /// Publishes a plan where it differs from the last one, and tells who serves.
    mutating func publish(
        at now: Instant, evenIfSame isForced: Bool, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        newcomers.update(at: now, isAwaited: isAwaited)
        let new = makePlan(using: &generator)
        guard new != plan || isForced else { return [] }
        noteWhoServes(in: new, at: now)
        plan = new
        return [.publish(new)] + tellWhoServes(new) + tellDrained(new, at: now)
    }

    private mutating func makePlan(using generator: inout some RandomNumberGenerator) -> DialPlan {
        var targets: [EndpointID: DialPlan.Target] = [:]
        var candidates: [Preference.Candidate] = []
        for member in endpoints.all where !newcomers.contains(member.id) {
            guard let health = health[member.id], let rank = rank(member, health) else { continue }
            let addresses = health.dialOrder
            guard !addresses.isEmpty else { continue }
            let weight = member.declaration.weight
            targets[member.id] = DialPlan.Target(
                endpoint: member.id, addresses: addresses, weight: weight, isConfirmed: health.state == .good)
            candidates.append(
                Preference.Candidate(
                    id: member.id, rank: rank, priority: member.declaration.priority, weight: weight))
        }
        candidates = withoutDrained(candidates)
        let order = order(of: candidates, using: &generator)
        let good = candidates.count { $0.rank <= Self.lastGoodRank }
        let spread = options.policy.isOneForAll ? min(1, candidates.count) : preference.firstGroupCount
        return DialPlan(
            targets: order.compactMap { targets[$0] }, good: good, spread: spread, policy: options.policy,
            timing: options.timing)
    }

    private mutating func order(
        of candidates: [Preference.Candidate], using generator: inout some RandomNumberGenerator
    ) -> [EndpointID] {
        guard options.policy == .fastest else { return preference.update(candidates, using: &generator) }
        let times = health.compactMapValues(\.dialTimes.usual)
        _ = preference.update(candidates, dialTimes: times, using: &generator)
        return preference.preferFastest(times)
    }

    private static let lastGoodRank = 3

    /// Those whom an administrator has taken out of service take part only when nobody else is good.
    private func withoutDrained(_ candidates: [Preference.Candidate]) -> [Preference.Candidate] {
        guard !drains.isEmpty else { return candidates }
        let others = candidates.filter { !isDrained($0.id) }
        return others.contains { $0.rank <= Self.lastGoodRank } ? others : candidates
    }

    /// One that has just moved comes after those that are known to work. A removed endpoint gets no new session while others
    /// are good, nor does one that was taken out of service; one that drains gets none at all.
    private func rank(_ member: EndpointSet.Member, _ health: EndpointHealth) -> Int? {
        if case .draining = member.presence { return nil }
        if isDrained(member.id) { return health.isGood ? Self.lastGoodRank : 6 }
        switch (member.presence == .present, health.isGood) {
        case (true, true): return health.isUnproven ? 2 : 0
        case (false, true): return 1
        case (true, false): return 4
        case (false, false): return 5
        }
    }
}
