import Gateway

/// The loop that accepts clients: what `LoopRunner` does, without sockets. Facts go in, and what follows is in ``effects``,
/// for its owner to carry out.
package struct SimulatedLoop {
    /// What a loop tells the control loop.
    package enum Fact: Equatable {
        case dialFailed(EndpointID, SocketAddress, DialFailure)
        case dialSucceeded(EndpointID, SocketAddress)
        case suspected(EndpointID)
        case heldChanged
    }

    package enum Effect {
        /// The policy has chosen this target of the plan that holds now, while clients meant for these others were waiting
        /// (told under `least-sessions` alone).
        case picked(Int, beside: [EndpointID])
        /// Begin this attempt for the client.
        case dial(client: Int, DialSequence.Attempt)
        /// Call ``SimulatedLoop/timerFired(_:at:using:)`` for the client then.
        case look(client: Int, at: Instant)
        /// Tell the control loop.
        case tell(Fact)
        /// The client has a session now.
        case joined(client: Int, WaitingClient, DialSequence.Attempt)
        /// Nobody could be found for it.
        case reset(client: Int, WaitingClient)
        /// It is dialing, and nothing will ever make anybody look at it again.
        case stuck(client: Int)
    }

    private enum Verdict {
        case failed, worked
    }

    private struct Subject: Hashable {
        var endpoint: EndpointID
        var address: SocketAddress
    }

    /// At most so many clients are held.
    private static let heldAtMost = 1_024

    package private(set) var plan: DialPlan
    package private(set) var planVersion = 0
    package var rotation = Rotation()
    package private(set) var clients: [Int: WaitingClient] = [:]
    /// What is to be done, in this order. Its owner empties it after each fact.
    package var effects: [Effect] = []
    /// What was told of addresses under this plan: to say it again is no news.
    private var told: [Subject: Verdict] = [:]

    package init(plan: DialPlan) {
        self.plan = plan
    }

    /// How many clients wait because nobody answers.
    package var held: Int { clients.values.count { $0.state == .held } }

    /// A client was accepted.
    package mutating func accepted(_ id: Int, at now: Instant, using generator: inout some RandomNumberGenerator) {
        let pick = pick(using: &generator)
        clients[id] = WaitingClient(
            sequence: DialSequence(plan: plan, startingWith: pick), planVersion: planVersion, startedAt: now,
            acceptedAt: now, offered: plan.targets.flatMap(\.addresses), meantFor: counted(pick))
        advance(id, at: now, using: &generator) { $0.started(at: $1) }
    }

    /// An attempt has ended, well where there is no failure.
    package mutating func dialed(
        _ id: Int, _ number: UInt32, _ failure: DialFailure?, at now: Instant,
        using generator: inout some RandomNumberGenerator
    ) {
        guard let attempt = clients[id]?.sequence.attempt(number) else { return }
        tell(of: attempt, failure)
        guard let failure else { return joined(id, attempt) }
        advance(id, at: now, using: &generator) { $0.dialFailed(number, failure, at: $1) }
    }

    /// The instant that was wanted for this client has come.
    package mutating func timerFired(_ id: Int, at now: Instant, using generator: inout some RandomNumberGenerator) {
        guard let client = clients[id], client.timer == now else { return }
        clients[id]?.timer = nil
        switch client.state {
        case .held: if holdLimit(client) <= now { reset(id) }
        case .paused:
            guard holdLimit(client) > now else { return reset(id) }
            if client.planVersion != planVersion { return startOver(id, at: now, using: &generator) }
            clients[id]?.state = .dialing
            advance(id, at: now, using: &generator) { $0.pauseEnded(at: $1) }
        case .dialing: dialTimerFired(id, at: now, using: &generator)
        }
    }

    /// Another plan holds from now on, and gives those who are held another chance.
    package mutating func arrived(
        _ plan: DialPlan, at now: Instant, using generator: inout some RandomNumberGenerator
    ) {
        self.plan = plan
        planVersion += 1
        told = [:]
        guard !plan.targets.isEmpty else { return }
        for id in clients.keys.sorted() where clients[id]?.state == .held {
            startOver(id, at: now, using: &generator)
            effects.append(.tell(.heldChanged))
        }
    }

    /// A session that was joined there has ended.
    package mutating func sessionEnded(on endpoint: EndpointID) {
        if plan.policy == .leastSessions { rotation.ended(on: endpoint) }
    }
}

// Dialing.
extension SimulatedLoop {
    private mutating func pick(using generator: inout some RandomNumberGenerator) -> Int {
        let others = plan.policy == .leastSessions ? clients.values.compactMap(\.meantFor) : []
        let pick = rotation.pick(from: plan, using: &generator)
        effects.append(.picked(pick, beside: others))
        return pick
    }

    private func counted(_ pick: Int) -> EndpointID? {
        plan.policy == .leastSessions && !plan.targets.isEmpty ? plan.targets[pick].endpoint : nil
    }

    /// Tells how a dial ended, where that is news. (`LoopRunner` keeps shortages of ours to itself; here they are told, for the
    /// machine must not hold them against anybody either.)
    private mutating func tell(of attempt: DialSequence.Attempt, _ failure: DialFailure?) {
        let subject = Subject(endpoint: attempt.endpoint, address: attempt.address)
        if let failure {
            guard !failure.isEvidence || told[subject] != .failed else { return }
            if failure.isEvidence { told[subject] = .failed }
            effects.append(.tell(.dialFailed(attempt.endpoint, attempt.address, failure)))
        } else {
            let isNews = plan.rests(attempt.endpoint) || !attempt.isConfirmed && told[subject] != .worked
            guard isNews || told[subject] == .failed else { return }
            told[subject] = .worked
            effects.append(.tell(.dialSucceeded(attempt.endpoint, attempt.address)))
        }
    }

    private mutating func dialTimerFired(
        _ id: Int, at now: Instant, using generator: inout some RandomNumberGenerator
    ) {
        guard let client = clients[id] else { return }
        if now - client.acceptedAt > (plan.timing.holdTimeout ?? .seconds(10)) + plan.timing.dialTimeout {
            return reset(id)
        }
        guard let (timedOut, action) = clients[id]?.sequence.timerFired(at: now) else { return }
        if case .dial = action, let oldest = clients[id]?.sequence.oldest {
            effects.append(.tell(.suspected(oldest.endpoint)))
        }
        for attempt in timedOut { tell(of: attempt, .timedOut) }
        perform(action, for: id, at: now, using: &generator)
    }

    private mutating func startOver(_ id: Int, at now: Instant, using generator: inout some RandomNumberGenerator) {
        if let meant = clients[id]?.meantFor { rotation.settled(meantFor: meant, joined: nil) }
        clients[id]?.meantFor = nil
        let pick = pick(using: &generator)
        let meant = counted(pick)
        clients[id]?.state = .dialing
        clients[id]?.planVersion = planVersion
        clients[id]?.startedAt = now
        clients[id]?.meantFor = meant
        clients[id]?.sequence = DialSequence(plan: plan, startingWith: pick)
        advance(id, at: now, using: &generator) { $0.started(at: $1) }
    }

    private mutating func advance(
        _ id: Int, at now: Instant, using generator: inout some RandomNumberGenerator,
        _ fact: (inout DialSequence, Instant) -> DialSequence.Action
    ) {
        guard var sequence = clients[id]?.sequence else { return }
        let action = fact(&sequence, now)
        clients[id]?.sequence = sequence
        perform(action, for: id, at: now, using: &generator)
    }

    private mutating func perform(
        _ action: DialSequence.Action, for id: Int, at now: Instant, using generator: inout some RandomNumberGenerator
    ) {
        switch action {
        case .dial(let attempt):
            effects.append(.dial(client: id, attempt))
            lookAtNextDeadline(of: id)
        case .wait: lookAtNextDeadline(of: id)
        case .pause:
            clients[id]?.state = .paused
            look(at: id, due: now + DialSequence.shortagePause)
        case .hold: hold(id, at: now, using: &generator)
        }
    }

    private mutating func lookAtNextDeadline(of id: Int) {
        guard let due = clients[id]?.sequence.nextDeadline else { return effects.append(.stuck(client: id)) }
        look(at: id, due: due)
    }

    private mutating func look(at id: Int, due: Instant) {
        guard clients[id]?.timer != due else { return }
        clients[id]?.timer = due
        effects.append(.look(client: id, at: due))
    }

    private mutating func hold(_ id: Int, at now: Instant, using generator: inout some RandomNumberGenerator) {
        guard let client = clients[id] else { return }
        // A plan that came while it was dialing by an older one is another chance.
        if client.planVersion != planVersion { return startOver(id, at: now, using: &generator) }
        guard holdLimit(client) > now, held < Self.heldAtMost else { return reset(id) }
        clients[id]?.state = .held
        effects.append(.tell(.heldChanged))
        look(at: id, due: holdLimit(client))
    }

    private func holdLimit(_ client: WaitingClient) -> Instant {
        client.acceptedAt + (plan.timing.holdTimeout ?? .zero)
    }

    private mutating func joined(_ id: Int, _ attempt: DialSequence.Attempt) {
        guard let client = forget(id, joined: attempt.endpoint) else { return }
        effects.append(.joined(client: id, client, attempt))
    }

    private mutating func reset(_ id: Int) {
        guard let client = forget(id, joined: nil) else { return }
        effects.append(.reset(client: id, client))
    }

    private mutating func forget(_ id: Int, joined: EndpointID?) -> WaitingClient? {
        guard let client = clients.removeValue(forKey: id) else { return nil }
        if let meant = client.meantFor { rotation.settled(meantFor: meant, joined: joined) }
        if client.state == .held { effects.append(.tell(.heldChanged)) }
        return client
    }
}
