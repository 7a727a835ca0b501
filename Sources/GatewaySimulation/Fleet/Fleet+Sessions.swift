import Gateway

// Clients and their sessions.
extension Fleet {
    mutating func carryOut(_ effects: [SimulatedLoop.Effect], for gateway: Int) {
        for effect in effects {
            switch effect {
            case .picked(let pick, let others): picked(pick, beside: others, by: gateway)
            case .dial(let client, let attempt): dial(attempt, for: client, of: gateway)
            case .look(let client, let due): queue.add(.clientTimer(gateway, client: client), due: due)
            case .tell(let fact): queue.add(.fact(gateway, fact), due: now + Self.hop)
            case .joined(let number, let client, let attempt): joined(number, client, attempt, gateway)
            case .reset(let number, let client):
                record.turnedAway(after: now - client.acceptedAt)
                if FleetGateway.isKept(number) { returns(gateway) }
            case .stuck: preconditionFailure("a client waits for nothing")
            }
        }
    }

    private mutating func picked(_ pick: Int, beside others: [EndpointID], by gateway: Int) {
        gateways[gateway].picked(pick)
        let plan = gateways[gateway].loop.plan
        guard plan.policy == .leastSessions, plan.spread > 1 else { return }
        let counts = plan.targets.prefix(plan.spread).map { target in
            gateways[gateway].sessions(of: target.endpoint) + others.count { $0 == target.endpoint }
        }
        if let least = counts.min(), counts[pick] > least { record.notLeast += 1 }
    }

    private mutating func dial(_ attempt: DialSequence.Attempt, for client: Int, of gateway: Int) {
        let member = FleetCluster.member(at: attempt.address)
        record.dialed(member, at: now)
        guard let (after, failure) = cluster.dial(from: gateway, to: member) else { return }
        queue.add(.dialed(gateway, client: client, attempt: attempt.number, failure), due: now + after)
    }

    private mutating func joined(
        _ number: Int, _ client: WaitingClient, _ attempt: DialSequence.Attempt, _ gateway: Int
    ) {
        let (member, keepsSession) = (FleetCluster.member(at: attempt.address), FleetGateway.isKept(number))
        gateways[gateway].joined(attempt.endpoint, member, keepsSession: keepsSession)
        record.joined(member, keepsSession: keepsSession, after: now - client.acceptedAt, at: now)
        if !keepsSession { queue.add(.requestEnds(gateway, attempt.endpoint, member: member), due: requestEnd()) }
    }

    /// A client that keeps a session has lost it, and connects again.
    private mutating func returns(_ gateway: Int) {
        let wait = gateways[gateway].random(1...Self.clientReturnsWithin)
        queue.add(.clientComes(gateway, keepsSession: true), due: now + .milliseconds(wait))
    }

    @discardableResult
    mutating func reset(_ count: Int, of id: EndpointID, for gateway: Int) -> Int {
        guard let member = gateways[gateway].places.first(where: { $0.endpoint == id })?.member else { return 0 }
        let (kept, requests) = gateways[gateway].reset(count, of: id)
        record.ended(kept + requests, on: member, areReset: true, at: now)
        for _ in 0..<kept { returns(gateway) }
        return kept + requests
    }

    mutating func resetStep(_ gateway: Int, _ id: EndpointID, _ pace: ResetPace) {
        guard reset(Int(pace.perStep), of: id, for: gateway) > 0 else { return }
        queue.add(.resetStep(gateway, id, pace), due: now + pace.step)
    }
}

// What befalls the cluster.
extension Fleet {
    /// The loops tell of bytes that stay unanswered for so long; the kernel has sent them again by then.
    private static let unansweredFor = Duration.milliseconds(250)
    /// Some client of a gateway sends something to each member within so many milliseconds.
    private static let speaksWithin = 10_000

    mutating func happens(_ what: FleetScenario.Happening) {
        switch what {
        case .memberDies(let member): dies(member)
        case .memberVanishes(let member): vanishes(member)
        case .memberReturns(let member): cluster.behaviours[member] = .listening
        case .allDie: for member in 0..<FleetScenario.listed { dies(member) }
        case .allReturn: for member in 0..<FleetScenario.listed { cluster.behaviours[member] = .listening }
        case .memberSlows(let member, let time): cluster.extraTimes[member] = time
        case .othersAreListed: cluster.list(FleetScenario.listed..<2 * FleetScenario.listed)
        case .namesFallSilent: cluster.areNamesSilent = true
        case .namesReturn: cluster.areNamesSilent = false
        }
    }

    /// Its kernel resets the sessions, which reaches every gateway at once, and is reason for suspicion there.
    private mutating func dies(_ member: Int) {
        cluster.behaviours[member] = .refusing
        for gateway in gateways.indices {
            for place in gateways[gateway].places where place.member == member && place.sessions > 0 {
                reset(place.sessions, of: place.endpoint, for: gateway)
                queue.add(.fact(gateway, .suspected(place.endpoint)), due: now + Self.hop)
            }
        }
    }

    /// Sessions hang. Each gateway hears of it when one of its clients has said something and got no answer.
    private mutating func vanishes(_ member: Int) {
        cluster.behaviours[member] = .silent
        for gateway in gateways.indices {
            for place in gateways[gateway].places where place.member == member && place.sessions > 0 {
                let wait = Duration.milliseconds(gateways[gateway].random(0...Self.speaksWithin)) + Self.unansweredFor
                queue.add(.unanswered(gateway, place.endpoint, times: 1), due: now + wait)
            }
        }
    }

    /// It is told of every second, after the fourth time after 1, 2, 4 … 32 s, as `evidence.c` does.
    mutating func unanswered(_ gateway: Int, _ id: EndpointID, _ times: Int) {
        guard let place = gateways[gateway].places.first(where: { $0.endpoint == id }), place.sessions > 0,
            cluster.behaviours[place.member] == .silent
        else { return }
        queue.add(.fact(gateway, .suspected(id)), due: now + Self.hop)
        let pause = times < 5 ? 1 : min(32, 1 << (times - 5))
        queue.add(.unanswered(gateway, id, times: times + 1), due: now + .seconds(pause))
    }
}
