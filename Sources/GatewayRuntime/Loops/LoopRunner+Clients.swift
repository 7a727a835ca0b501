internal import CSplice
internal import Gateway
internal import Glibc

/// A client that is accepted and not joined yet.
struct WaitingClient {
    /// What it waits for.
    enum State: Equatable {
        case dialing
        /// Nobody answers: it waits for another plan.
        case held
        /// We ran short of something: it waits for a moment.
        case paused
    }

    var sequence: DialSequence
    /// The version of the plan that the sequence follows.
    var planVersion: UInt64
    /// Whom the policy chose for it, where it has to be counted.
    var meantFor: EndpointID?
    var state: State
    /// When it must be looked at; a timer for another instant is left over from before.
    var due: Instant?
    let acceptedAt: Instant
}

/// What was last told of an address.
enum ToldVerdict {
    case failed, worked
}

extension LoopRunner {
    func accepted(_ session: csp_session) {
        let pick = spread.pick(from: plan.plan)
        clients[session] = WaitingClient(
            sequence: DialSequence(plan: plan.plan, startingWith: pick), planVersion: plan.version,
            meantFor: counted(pick), state: .dialing, acceptedAt: now)
        advance(session) { sequence, now in sequence.started(at: now) }
    }

    func dialFailed(_ session: csp_session, attempt: UInt32, error: Int32) {
        guard let tried = clients[session]?.sequence.attempt(attempt) else { return }
        let failure = DialFailure(errno: error)
        tell(of: tried, failure)
        advance(session) { sequence, now in sequence.dialFailed(attempt, failure, at: now) }
    }

    func opened(_ session: csp_session, attempt: UInt32) {
        let won = clients[session]?.sequence.attempt(attempt)
        if let won { tell(of: won, nil) }
        forget(session, joined: won?.endpoint)
    }

    private func counted(_ pick: Int) -> EndpointID? {
        guard plan.plan.policy == .leastSessions, !plan.plan.targets.isEmpty else { return nil }
        return plan.plan.targets[pick].endpoint
    }

    /// Tells how a dial ended, where that is news: an endpoint that refuses ten thousand clients a second is told of once.
    private func tell(of attempt: DialSequence.Attempt, _ failure: DialFailure?) {
        let subject = LoopFact.Subject.address(attempt.endpoint, attempt.address)
        if let failure {
            figures.dialFailed(attempt.endpoint, failure)
            guard failure.isEvidence, told[subject] != .failed else { return }
            told[subject] = .failed
            facts.append(.dialFailed(attempt.endpoint, attempt.address, failure))
        } else {
            // Of one that rests each is news: it spares the session that begins now what was before.
            let isNews = plan.plan.rests(attempt.endpoint) || !attempt.isConfirmed && told[subject] != .worked
            guard isNews || told[subject] == .failed else { return }
            told[subject] = .worked
            facts.append(.dialSucceeded(attempt.endpoint, attempt.address))
        }
    }

    /// The session is joined, or has ended.
    func forget(_ session: csp_session, joined: EndpointID? = nil) {
        guard let client = clients.removeValue(forKey: session) else { return }
        if let meant = client.meantFor { spread.settled(meantFor: meant, joined: joined) }
        guard client.state == .held else { return }
        held.remove()
        facts.append(.heldClientsChanged)
    }

    func clientTimerFired(_ session: csp_session) {
        guard let client = clients[session], let due = client.due, due <= now else { return }
        clients[session]?.due = nil
        switch client.state {
        case .held:
            if let limit = holdLimit(client), limit > now { return look(at: session, limit) }
            reset(session)
        case .paused:
            guard now - client.acceptedAt < Self.longestPause(plan.plan) else { return reset(session) }
            // Its old plan may name who has been removed meanwhile.
            if client.planVersion != plan.version { return startOver(session) }
            clients[session]?.state = .dialing
            advance(session) { sequence, now in sequence.pauseEnded(at: now) }
        case .dialing:
            dialTimerFired(session)
        }
    }

    func retryHeldClients() {
        guard !plan.plan.targets.isEmpty else { return }
        for (session, client) in clients where client.state == .held {
            held.remove()
            facts.append(.heldClientsChanged)
            startOver(session)
        }
    }

    private func startOver(_ session: csp_session) {
        clients[session]?.state = .dialing
        clients[session]?.planVersion = plan.version
        if let meant = clients[session]?.meantFor { spread.settled(meantFor: meant, joined: nil) }
        let pick = spread.pick(from: plan.plan)
        clients[session]?.meantFor = counted(pick)
        clients[session]?.sequence = DialSequence(plan: plan.plan, startingWith: pick)
        advance(session) { sequence, now in sequence.started(at: now) }
    }

    // unsafe: all of this is done by the thread that executes run(), to which the loop belongs. C copies the address
    // and fills an event of ours; a session that has ended is ENOENT, for no number is given twice.
    private func dialTimerFired(_ session: csp_session) {
        guard var client = clients[session] else { return }
        if now - client.acceptedAt > Self.longestPause(plan.plan) + plan.plan.timing.dialTimeout {
            return reset(session)
        }
        let (timedOut, action) = client.sequence.timerFired(at: now)
        clients[session] = client
        if case .dial = action { client.sequence.oldest.map { facts.append(.suspected($0.endpoint)) } }
        for attempt in timedOut {
            _ = unsafe csp_session_cancel_dial(loop, session, attempt.number)  // ENOENT: its verdict is queued
            tell(of: attempt, .timedOut)
        }
        perform(action, for: session)
    }

    private func advance(_ session: csp_session, _ fact: (inout DialSequence, Instant) -> DialSequence.Action) {
        guard let index = clients.index(forKey: session) else { return }
        perform(fact(&clients.values[index].sequence, now), for: session)
    }

    /// Carries an action out, and those that follow from failures that are known at once.
    private func perform(_ first: DialSequence.Action, for session: csp_session) {
        var action = first
        while case .dial(let attempt) = action {
            var address = csp_address(attempt.address)
            let result = unsafe csp_session_dial(loop, session, &address, attempt.number, attempt.endpoint.slot)
            if result == 0 { break }
            if result == -ELOOP {
                facts.append(.loopFound)
                return reset(session)
            }
            if result == -ENOENT || result == -EISCONN { return }  // the event that says so is on its way
            let failure = DialFailure(errno: -result)
            tell(of: attempt, failure)
            guard let next = clients[session]?.sequence.dialFailed(attempt.number, failure, at: now) else { return }
            action = next
        }
        switch action {
        case .dial, .wait: schedule(session)
        case .pause: pause(session)
        case .hold: hold(session)
        }
    }

    private func schedule(_ session: csp_session) {
        guard let due = clients[session]?.sequence.nextDeadline else { return }
        look(at: session, due)
    }

    /// Looks at a client then, and at no instant that was wanted before.
    private func look(at session: csp_session, _ due: Instant) {
        guard clients[session]?.due != due else { return }
        clients[session]?.due = due
        timers.add(.client(session), due: due)
    }

    private func pause(_ session: csp_session) {
        clients[session]?.state = .paused
        look(at: session, now + DialSequence.shortagePause)
    }

    private func hold(_ session: csp_session) {
        guard let client = clients[session] else { return }
        // A plan that came while it was dialing by an older one is another chance.
        if client.planVersion != plan.version { return startOver(session) }
        guard let limit = holdLimit(client), limit > now, held.add() else { return reset(session) }
        clients[session]?.state = .held
        facts.append(.heldClientsChanged)
        look(at: session, limit)
    }

    private func holdLimit(_ client: WaitingClient) -> Instant? {
        plan.plan.timing.holdTimeout.map { client.acceptedAt + $0 }
    }

    /// A shortage of ours, or very many silent addresses, must not keep a client for longer than a cluster without members
    /// would.
    private static func longestPause(_ plan: DialPlan) -> Duration { plan.timing.holdTimeout ?? .seconds(10) }

    private func reset(_ session: csp_session) {
        forget(session)
        var ended = csp_event()
        guard unsafe csp_session_close(loop, session, true, &ended) == 0 else { return }  // it left in this very turn
        figures.ended(ended.reason, nanoseconds: ended.elapsed_ns)
        accessLog?.write(ended, nil)
    }
}
