import Gateway

// The loop that accepts clients: what LoopRunner does, without sockets.
extension Simulation {
    mutating func clientComes() {
        guard now < Self.clientsEnd else { return }
        let pick = pick()
        clients[nextClient] = SimulatedClient(
            sequence: DialSequence(plan: plan, startingWith: pick), planVersion: planVersion, startedAt: now,
            acceptedAt: now,
            offered: plan.targets.flatMap(\.addresses))
        advance(nextClient) { $0.started(at: $1) }
        nextClient += 1
        queue.add(.clientComes, due: now + .milliseconds(Int.random(in: 1...2_000, using: &generator)))
    }

    /// Shares are exact: under one plan nobody is two sessions away from what the policy gives him.
    private mutating func pick() -> Int {
        let pick = rotation.next(in: plan, using: &generator)
        guard plan.spread > 1, [.roundRobin, .weighted].contains(plan.policy) else {
            if pick != 0, plan.policy != .leastSessions { violate("a pick of \(pick) where one serves all") }
            return pick
        }
        picks[plan.targets[pick].endpoint, default: 0] += 1
        let spread = plan.targets.prefix(plan.spread)
        let weights = spread.map { plan.policy == .weighted ? max(Int($0.weight) * 100, 1) : 100 }
        let (all, sum) = (picks.values.reduce(0, +), weights.reduce(0, +))
        for (target, weight) in zip(spread, weights) {
            let distance = picks[target.endpoint, default: 0] * sum - all * weight
            if abs(distance) >= 2 * sum { violate("\(target.endpoint.slot) got \(picks) of \(weights)") }
        }
        return pick
    }

    private func spread(of plan: DialPlan) -> [EndpointID] { plan.targets.prefix(plan.spread).map(\.endpoint) }

    mutating func arrived(_ plan: DialPlan) {
        if spread(of: plan) != spread(of: self.plan) || plan.policy != self.plan.policy {
            (rotation, picks) = (Rotation(), [:])
        }
        self.plan = plan
        planVersion += 1
        guard !plan.targets.isEmpty else { return }
        for id in clients.keys.sorted() where clients[id]?.state == .held {
            startOver(id)
            tell(.heldChanged)
        }
    }

    mutating func dialed(_ id: Int, _ number: UInt32, _ failure: DialFailure?) {
        guard let attempt = clients[id]?.sequence.attempt(number) else { return }
        if let failure {
            tell(.dialFailed(attempt.endpoint, attempt.address, failure))
            return advance(id) { $0.dialFailed(number, failure, at: $1) }
        }
        sessions[attempt.endpoint, default: (0, attempt.address, nil)].count += 1
        sessions[attempt.endpoint]?.address = attempt.address
        let isGood = attempt.isConfirmed || machine.health[attempt.endpoint]?.isGood == true
        sessions[attempt.endpoint]?.restedAt = isGood ? nil : now
        if !attempt.isConfirmed { tell(.dialSucceeded(attempt.endpoint, attempt.address)) }
        ended(id, isServed: true)
    }

    mutating func clientTimerFired(_ id: Int) {
        guard let client = clients[id], client.timer == now else { return }
        clients[id]?.timer = nil
        switch client.state {
        case .held: if holdLimit(client) <= now { ended(id, isServed: false) }
        case .paused: pauseEnded(id, client)
        case .dialing: dialTimerFired(id)
        }
    }

    private mutating func pauseEnded(_ id: Int, _ client: SimulatedClient) {
        guard holdLimit(client) > now else { return ended(id, isServed: false) }
        if client.planVersion != planVersion { return startOver(id) }
        clients[id]?.state = .dialing
        advance(id) { $0.pauseEnded(at: $1) }
    }

    private mutating func dialTimerFired(_ id: Int) {
        guard let client = clients[id] else { return }
        if now - client.acceptedAt > (plan.timing.holdTimeout ?? .zero) + plan.timing.dialTimeout {
            return ended(id, isServed: false)
        }
        guard let (timedOut, action) = clients[id]?.sequence.timerFired(at: now) else { return }
        if case .dial = action, let oldest = clients[id]?.sequence.oldest { tell(.suspected(oldest.endpoint)) }
        for attempt in timedOut { tell(.dialFailed(attempt.endpoint, attempt.address, .timedOut)) }
        perform(action, for: id)
    }

    private mutating func startOver(_ id: Int) {
        clients[id]?.state = .dialing
        clients[id]?.planVersion = planVersion
        clients[id]?.startedAt = now
        let pick = pick()
        clients[id]?.sequence = DialSequence(plan: plan, startingWith: pick)
        advance(id) { $0.started(at: $1) }
    }

    private mutating func advance(_ id: Int, _ fact: (inout DialSequence, Instant) -> DialSequence.Action) {
        guard var sequence = clients[id]?.sequence else { return }
        let action = fact(&sequence, now)
        clients[id]?.sequence = sequence
        perform(action, for: id)
    }

    private mutating func perform(_ action: DialSequence.Action, for id: Int) {
        switch action {
        case .dial(let attempt):
            check(attempt, of: id)
            if let (after, failure) = cluster.network.verdict(of: attempt.address) {
                queue.add(.dialed(client: id, attempt: attempt.number, failure), due: now + after)
            }
            scheduleTimer(id)
        case .wait: scheduleTimer(id)
        case .pause:
            clients[id]?.state = .paused
            setTimer(id, due: now + DialSequence.shortagePause)
        case .hold: hold(id)
        }
    }

    private mutating func scheduleTimer(_ id: Int) {
        guard let due = clients[id]?.sequence.nextDeadline else { return violate("client \(id) waits for nothing") }
        setTimer(id, due: due)
        if due <= now { violate("client \(id) has its deadline in the past") }
    }

    private mutating func hold(_ id: Int) {
        guard let client = clients[id] else { return }
        if client.planVersion != planVersion { return startOver(id) }
        guard holdLimit(client) > now else { return ended(id, isServed: false) }
        clients[id]?.state = .held
        tell(.heldChanged)
        setTimer(id, due: holdLimit(client))
    }

    private mutating func setTimer(_ id: Int, due: Instant) {
        guard clients[id]?.timer != due else { return }
        clients[id]?.timer = due
        queue.add(.clientTimer(id), due: due)
    }

    private func holdLimit(_ client: SimulatedClient) -> Instant {
        client.acceptedAt + (plan.timing.holdTimeout ?? .zero)
    }

    private mutating func ended(_ id: Int, isServed: Bool) {
        guard let client = clients.removeValue(forKey: id) else { return }
        if client.state == .held { tell(.heldChanged) }
        if isServed { statistics.served += 1 } else { statistics.reset += 1 }
        check(client, id, isServed: isServed)
    }

    private mutating func tell(_ fact: Fact) { queue.add(.fact(fact), due: now + Self.hop) }
}
