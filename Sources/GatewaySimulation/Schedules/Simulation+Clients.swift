import Gateway

// The clients, and the loop that accepts them.
extension Simulation {
    mutating func clientComes() {
        guard now < Self.clientsEnd else { return }
        endSession()
        nextClient += 1
        accept(nextClient)
        queue.add(.clientComes, due: now + .milliseconds(Int.random(in: 1...2_000, using: &generator)))
    }

    /// Now and then a client has had enough.
    private mutating func endSession() {
        guard Bool.random(using: &generator) else { return }
        guard let id = sessions.keys.sorted().randomElement(using: &generator) else { return }
        letGo(1, of: id)
    }

    private mutating func accept(_ client: Int) {
        loop.accepted(client, at: now, using: &generator)
        carryOut()
    }

    mutating func arrived(_ plan: DialPlan) {
        let isSameSpread = spread(of: plan) == spread(of: loop.plan) && plan.policy == loop.plan.policy
        if !isSameSpread { picks = [:] }
        if plan.policy == .leastSessions, loop.plan.policy != .leastSessions { countSessions() }
        if plan.policy != loop.plan.policy { countsSessions = loop.planVersion == 0 }
        loop.arrived(plan, at: now, using: &generator)
        carryOut()
    }

    private func spread(of plan: DialPlan) -> [DialPlan.Target] {
        plan.targets.prefix(plan.spread).map { target in
            var target = target
            (target.addresses, target.isConfirmed) = ([], true)
            return target
        }
    }

    /// Whoever counts sessions begins with those that are open.
    private mutating func countSessions() { loop.rotation.counted(sessions.mapValues { Int($0.count) }) }

    mutating func dialed(_ client: Int, _ number: UInt32, _ failure: DialFailure?) {
        loop.dialed(client, number, failure, at: now, using: &generator)
        carryOut()
    }

    mutating func clientTimerFired(_ client: Int) {
        loop.timerFired(client, at: now, using: &generator)
        carryOut()
    }

    private mutating func carryOut() {
        while !loop.effects.isEmpty {
            let effects = loop.effects
            loop.effects.removeAll(keepingCapacity: true)
            for effect in effects { carryOut(effect) }
        }
    }

    private mutating func carryOut(_ effect: SimulatedLoop.Effect) {
        switch effect {
        case .picked(let pick, let others): picked(pick, beside: others)
        case .dial(let client, let attempt):
            check(attempt, of: client)
            if let (after, failure) = cluster.network.verdict(of: attempt.address) {
                queue.add(.dialed(client: client, attempt: attempt.number, failure), due: now + after)
            }
        case .look(let client, let due):
            if due <= now { violate("client \(client) has its deadline in the past") }
            queue.add(.clientTimer(client), due: due)
        case .tell(let fact): queue.add(.fact(fact), due: now + Self.hop)
        case .joined(let number, let client, let attempt):
            joined(attempt)
            check(client, number, isServed: true)
        case .reset(let number, let client):
            statistics.reset += 1
            check(client, number, isServed: false)
        case .stuck(let client): violate("client \(client) waits for nothing")
        }
    }

    private mutating func joined(_ attempt: DialSequence.Attempt) {
        statistics.served += 1
        sessions[attempt.endpoint, default: (0, attempt.address, nil)].count += 1
        sessions[attempt.endpoint]?.address = attempt.address
        let isGood = attempt.isConfirmed || machine.health[attempt.endpoint]?.isGood == true
        sessions[attempt.endpoint]?.restedAt = isGood ? nil : now
    }

    private mutating func picked(_ pick: Int, beside others: [EndpointID]) {
        let plan = loop.plan
        guard pick < max(plan.spread, 1) else { return violate("a pick of \(pick) among \(plan.spread)") }
        switch plan.policy {
        case .pinned, .fastest: break
        case .roundRobin, .weighted: if plan.spread > 1 { checkShares(pick, in: plan) }
        case .leastSessions: if countsSessions { checkLeast(pick, beside: others, in: plan) }
        }
    }

    /// Shares are exact: under one plan nobody is ever three sessions away from what the policy gives him, one of which
    /// he may have saved, and one may others owe, from the plan before.
    private mutating func checkShares(_ pick: Int, in plan: DialPlan) {
        picks[plan.targets[pick].endpoint, default: 0] += 1
        let spread = plan.targets.prefix(plan.spread)
        let weights = spread.map { plan.policy == .weighted ? max(Int($0.weight) * 100, 1) : 100 }
        let (all, sum) = (picks.values.reduce(0, +), weights.reduce(0, +))
        for (target, weight) in zip(spread, weights) {
            let distance = picks[target.endpoint, default: 0] * sum - all * weight
            if abs(distance) >= 3 * sum { violate("\(target.endpoint.slot) got \(picks) of \(weights)") }
        }
    }

    /// Nobody of those that share the sessions has fewer than who gets the next one.
    private mutating func checkLeast(_ pick: Int, beside others: [EndpointID], in plan: DialPlan) {
        let counts = plan.targets.prefix(plan.spread).map { target in
            Int(sessions[target.endpoint]?.count ?? 0) + others.count { $0 == target.endpoint }
        }
        if let least = counts.min(), counts[pick] > least { violate("the next session after \(counts) is for \(pick)") }
    }
}
