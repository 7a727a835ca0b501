import Gateway
import GatewayTesting

/// One gateway of a fleet: the machine and the loop that ship, and its sessions.
struct FleetGateway {
    /// Sessions to one endpoint.
    struct Place {
        let endpoint: EndpointID
        let member: Int
        /// Of clients that connect again.
        var kept = 0
        /// Of clients that ask once and leave.
        var requests = 0

        var sessions: Int { kept + requests }
    }

    private(set) var machine: ControlMachine
    private(set) var loop: SimulatedLoop
    private(set) var generator: SeededGenerator
    private(set) var places: [Place] = []
    /// When the machine is to be called, as the queue knows it.
    var deadline: Instant?
    private var nextClient = 0
    /// Picks under the plan that holds now, by target, for policies that promise shares.
    private var picks: [Int] = []
    /// How far a pick was ever from its share, in sessions.
    private(set) var farthestFromShare = 0.0

    init(_ options: ControlOptions, seed: UInt64) {
        machine = ControlMachine(options: options)
        generator = SeededGenerator(seed: seed)
        loop = SimulatedLoop(
            plan: DialPlan(targets: [], good: 0, spread: 0, policy: options.policy, timing: options.timing))
    }

    mutating func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    var sessions: Int { places.reduce(0) { $0 + $1.sessions } }
}

// Facts for the machine.
extension FleetGateway {
    mutating func started(at now: Instant) -> [ControlMachine.Action] {
        machine.started(at: now, guardedBy: LoopGuard(), using: &generator)
    }

    mutating func answered(_ question: Question, _ answer: Answer, at now: Instant) -> [ControlMachine.Action] {
        machine.answered(question, answer, at: now, using: &generator)
    }

    mutating func timerFired(at now: Instant) -> [ControlMachine.Action] {
        var activity: [EndpointID: ControlMachine.Activity] = [:]
        for id in machine.endpoints.allIDs { activity[id] = .init(sessions: 0, lastReceived: nil) }
        for place in places {
            activity[place.endpoint] = .init(sessions: UInt64(place.sessions), lastReceived: nil)
        }
        return machine.timerFired(at: now, activity: activity, using: &generator)
    }

    mutating func probeEnded(
        _ id: EndpointID, _ outcome: ProbeOutcome, at address: SocketAddress?, dialedIn time: Duration?, now: Instant
    ) -> [ControlMachine.Action] {
        machine.probeEnded(id, outcome, at: address, dialedIn: time, now: now, using: &generator)
    }

    mutating func take(_ fact: SimulatedLoop.Fact, at now: Instant) -> [ControlMachine.Action] {
        switch fact {
        case .heldChanged: machine.clientsHeld(loop.held, at: now, using: &generator)
        case .suspected(let id): machine.suspected(id, at: now, using: &generator)
        case .dialSucceeded(let id, let address): machine.dialSucceeded(id, address, at: now, using: &generator)
        case .dialFailed(let id, let address, let failure):
            machine.dialFailed(id, address, failure, at: now, using: &generator)
        }
    }
}

// Clients. Those with an even number keep their session.
extension FleetGateway {
    static func isKept(_ client: Int) -> Bool { client.isMultiple(of: 2) }

    mutating func accepted(keepsSession: Bool, at now: Instant) -> [SimulatedLoop.Effect] {
        nextClient += 2
        loop.accepted(keepsSession ? nextClient : nextClient + 1, at: now, using: &generator)
        return takeEffects()
    }

    mutating func dialed(
        _ client: Int, _ attempt: UInt32, _ failure: DialFailure?, at now: Instant
    ) -> [SimulatedLoop.Effect] {
        loop.dialed(client, attempt, failure, at: now, using: &generator)
        return takeEffects()
    }

    mutating func clientTimerFired(_ client: Int, at now: Instant) -> [SimulatedLoop.Effect] {
        loop.timerFired(client, at: now, using: &generator)
        return takeEffects()
    }

    mutating func arrived(_ plan: DialPlan, at now: Instant) -> [SimulatedLoop.Effect] {
        let sharing = { (plan: DialPlan) in plan.targets.prefix(plan.spread).map(\.endpoint) }
        if sharing(plan) != sharing(loop.plan) { picks = Array(repeating: 0, count: plan.spread) }
        loop.arrived(plan, at: now, using: &generator)
        return takeEffects()
    }

    private mutating func takeEffects() -> [SimulatedLoop.Effect] {
        defer { loop.effects.removeAll(keepingCapacity: true) }
        return loop.effects
    }

    mutating func picked(_ pick: Int) {
        guard loop.plan.spread > 1, [.roundRobin, .weighted].contains(loop.plan.policy) else { return }
        picks[pick] += 1
        let weights = loop.plan.targets.prefix(loop.plan.spread).map { target in
            loop.plan.policy == .weighted ? Double(target.weight) : 1
        }
        let (all, sum) = (Double(picks.reduce(0, +)), weights.reduce(0, +))
        for (count, weight) in zip(picks, weights) {
            farthestFromShare = max(farthestFromShare, abs(Double(count) - all * weight / sum))
        }
    }
}

// Sessions.
extension FleetGateway {
    mutating func joined(_ endpoint: EndpointID, _ member: Int, keepsSession: Bool) {
        let index = places.firstIndex { $0.endpoint == endpoint } ?? places.endIndex
        if index == places.endIndex { places.append(Place(endpoint: endpoint, member: member)) }
        if keepsSession { places[index].kept += 1 } else { places[index].requests += 1 }
    }

    /// A client that has asked its question leaves, if it was not reset before.
    mutating func requestEnded(on endpoint: EndpointID) -> Bool {
        guard let index = places.firstIndex(where: { $0.endpoint == endpoint }), places[index].requests > 0 else {
            return false
        }
        places[index].requests -= 1
        loop.sessionEnded(on: endpoint)
        return true
    }

    /// So many sessions of an endpoint are reset, or as many as there are: first of clients that keep them.
    mutating func reset(_ count: Int, of endpoint: EndpointID) -> (kept: Int, requests: Int) {
        guard let index = places.firstIndex(where: { $0.endpoint == endpoint }) else { return (0, 0) }
        let kept = min(count, places[index].kept)
        let requests = min(count - kept, places[index].requests)
        places[index].kept -= kept
        places[index].requests -= requests
        for _ in 0..<(kept + requests) { loop.sessionEnded(on: endpoint) }
        return (kept, requests)
    }

    func sessions(of endpoint: EndpointID) -> Int { places.first { $0.endpoint == endpoint }?.sessions ?? 0 }
}
