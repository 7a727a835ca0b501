extension ControlMachine {
    /// Publishes a new plan where it differs from the last one, and tells who serves.
    mutating func publishIfChanged(using generator: inout some RandomNumberGenerator) -> [Action] {
        let new = makePlan(using: &generator)
        var actions = tellLoops()
        guard new != plan else { return actions }
        plan = new
        actions.append(.publish(new))
        return actions + tellWhoServes(new)
    }

    private mutating func makePlan(using generator: inout some RandomNumberGenerator) -> DialPlan {
        var targets: [EndpointID: DialPlan.Target] = [:]
        var candidates: [Preference.Candidate] = []
        for member in endpoints.all {
            let addresses = addresses(of: member)
            guard !addresses.isEmpty, let health = health[member.id], let rank = rank(member, health) else { continue }
            let weight = member.declaration.weight
            targets[member.id] = DialPlan.Target(
                endpoint: member.id, addresses: addresses, weight: weight, isConfirmed: health.state == .good)
            candidates.append(
                Preference.Candidate(
                    id: member.id, rank: rank, priority: member.declaration.priority, weight: weight))
        }
        let order = preference.update(candidates, using: &generator)
        let good = candidates.count { $0.rank <= Self.lastGoodRank }
        let spread = options.policy == .pinned ? min(1, candidates.count) : preference.firstGroupCount
        return DialPlan(
            targets: order.compactMap { targets[$0] }, good: good, spread: spread, policy: options.policy,
            timing: options.timing)
    }

    private static let lastGoodRank = 1

    /// A removed endpoint gets no new session while others are good; one that drains gets none at all.
    private func rank(_ member: EndpointSet.Member, _ health: EndpointHealth) -> Int? {
        switch (member.presence, health.isGood) {
        case (.present, true): 0
        case (.missing, true): 1
        case (.present, false): 2
        case (.missing, false): 3
        case (.draining, _): nil
        }
    }

    private mutating func tellWhoServes(_ plan: DialPlan) -> [Action] {
        let isNobodyLeft = plan.good == 0
        var actions: [Action] = []
        if isNobodyLeft != told.nobodyLeft {
            // At the start nobody is known yet, which is no news; that somebody is then is told by the endpoints added.
            if isNobodyLeft ? !plan.targets.isEmpty : true {
                told.nobodyLeft = isNobodyLeft
                actions.append(.tell(isNobodyLeft ? .nobodyLeft : .somebodyBack))
            }
        }
        guard options.policy == .pinned, !isNobodyLeft, let first = plan.targets.first?.endpoint else { return actions }
        guard first != told.pinned, let key = endpoints[first]?.declaration.key else { return actions }
        told.pinned = first
        return actions + [.tell(.pinned(key))]
    }

    private mutating func tellLoops() -> [Action] {
        endpoints.all.flatMap { member in
            resolved(member.declaration.key.host)
                .map { SocketAddress(ip: $0, port: member.declaration.key.port) }
                .filter { loopGuard.isLoop($0) && told.loops.insert($0).inserted }
                .map { .tell(.loopAvoided(member.declaration.key, $0)) }
        }
    }
}
