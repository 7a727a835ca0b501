import Gateway

/// Thousands of gateways and the cluster behind them in virtual time. The machines, the dial sequences and the spreading of
/// sessions are the real ones. The same scenario gives the same run.
package struct Fleet {
    enum Event {
        case starts(Int)
        case deadline(Int)
        case answer(Int, Question, Answer)
        case probed(Int, EndpointID, ProbeOutcome, SocketAddress?, dialTime: Duration?)
        case dialed(Int, client: Int, attempt: UInt32, DialFailure?)
        case clientTimer(Int, client: Int)
        case fact(Int, SimulatedLoop.Fact)
        case plan(Int, DialPlan)
        case clientComes(Int, keepsSession: Bool)
        case requestEnds(Int, EndpointID, member: Int)
        case resetStep(Int, EndpointID, ResetPace)
        case unanswered(Int, EndpointID, times: Int)
        case happens(Int)
        case settled
        case pieceEnds
    }

    /// From one thread of a gateway to another.
    static let hop = Duration.microseconds(50)
    /// A client that was reset connects again after 1 to so many milliseconds.
    static let clientReturnsWithin = 20
    /// A request comes to each gateway every 10 s or so, on a connection of its own.
    private static let requestsEvery = 20_000
    private static let requestLasts = Duration.milliseconds(20)
    /// The clients of a gateway open their sessions within so many milliseconds of its start.
    private static let opensWithin = 2_000

    let scenario: FleetScenario
    var gateways: [FleetGateway]
    var cluster: FleetCluster
    var queue = EventQueue<Event>()
    var now = Instant.zero
    var record: FleetRecord

    private init(_ scenario: FleetScenario) {
        self.scenario = scenario
        let options = Self.options(scenario)
        gateways = (0..<scenario.gateways).map { FleetGateway(options, seed: scenario.seed &* 1_000_003 &+ UInt64($0)) }
        cluster = FleetCluster(scenario)
        record = FleetRecord(scenario)
    }

    private static func options(_ scenario: FleetScenario) -> ControlOptions {
        var options = ControlOptions(.defaults)
        options.endpointsAreDefault = true
        options.discovery = DiscoverySource(domain: "fleet", suffix: nil, isInsecure: false, requiresTLS: false)
        (options.policy, options.rebalance) = (scenario.policy, scenario.rebalance)
        options.healthInterval = scenario.healthInterval
        return options
    }

    /// Runs the scenario to its end.
    package static func run(_ scenario: FleetScenario) -> FleetRecord {
        var fleet = Fleet(scenario)
        fleet.run()
        return fleet.record
    }

    private mutating func run() {
        let within = Int(scenario.startsWithin / .milliseconds(1))
        for gateway in gateways.indices {
            queue.add(.starts(gateway), due: .zero + .milliseconds(gateways[gateway].random(0...within)))
        }
        for (number, happening) in scenario.happenings.enumerated() { queue.add(.happens(number), due: happening.due) }
        queue.add(.pieceEnds, due: .zero + FleetRecord.piece)
        queue.add(.settled, due: scenario.settled)
        while let due = queue.nextDue, due < scenario.end, let event = queue.pop() {
            now = due
            handle(event)
        }
        record.farthestFromShare = gateways.map(\.farthestFromShare).max() ?? 0
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .starts(let gateway): starts(gateway)
        case .deadline(let gateway): if gateways[gateway].deadline == now { decide(gateway) { $0.timerFired(at: $1) } }
        case .answer(let gateway, let question, let answer):
            decide(gateway) { $0.answered(question, answer, at: $1) }
        case .probed(let gateway, let id, let outcome, let address, let time):
            decide(gateway) { $0.probeEnded(id, outcome, at: address, dialedIn: time, now: $1) }
        case .fact(let gateway, let fact): decide(gateway) { $0.take(fact, at: $1) }
        case .dialed(let gateway, let client, let attempt, let failure):
            carryOut(gateways[gateway].dialed(client, attempt, failure, at: now), for: gateway)
        case .clientTimer(let gateway, let client):
            carryOut(gateways[gateway].clientTimerFired(client, at: now), for: gateway)
        case .plan(let gateway, let plan): carryOut(gateways[gateway].arrived(plan, at: now), for: gateway)
        case .clientComes(let gateway, let keepsSession):
            record.clientCame(at: now)
            carryOut(gateways[gateway].accepted(keepsSession: keepsSession, at: now), for: gateway)
            if !keepsSession { expectRequest(gateway) }
        case .requestEnds(let gateway, let id, let member):
            if gateways[gateway].requestEnded(on: id) { record.ended(1, on: member, areReset: false, at: now) }
        case .resetStep(let gateway, let id, let pace): resetStep(gateway, id, pace)
        case .unanswered(let gateway, let id, let times): unanswered(gateway, id, times)
        case .happens(let number): happens(scenario.happenings[number].what)
        case .settled: record.notFastest = gateways.indices.count(where: servesSlowly)
        case .pieceEnds:
            record.pieceEnded(at: now)
            queue.add(.pieceEnds, due: now + FleetRecord.piece)
        }
    }

    private mutating func starts(_ gateway: Int) {
        decide(gateway) { $0.started(at: $1) }
        for _ in 0..<scenario.kept {
            let wait = gateways[gateway].random(1...Self.opensWithin)
            queue.add(.clientComes(gateway, keepsSession: true), due: now + .milliseconds(wait))
        }
        expectRequest(gateway)
    }

    private mutating func expectRequest(_ gateway: Int) {
        let wait = gateways[gateway].random(1...Self.requestsEvery)
        queue.add(.clientComes(gateway, keepsSession: false), due: now + .milliseconds(wait))
    }

    /// Whether `fastest` sends sessions to a member while another one that answers is clearly faster.
    private func servesSlowly(_ gateway: Int) -> Bool {
        let plan = gateways[gateway].loop.plan
        guard plan.policy == .fastest, let first = plan.targets.first else { return false }
        let time = Self.distance(gateway, first)
        return plan.targets.dropFirst().contains { target in
            let isAnswering = cluster.behaviours[FleetCluster.member(at: target.addresses[0])] == .listening
            return isAnswering && DialTimes.isClearlyFaster(Self.distance(gateway, target), than: time)
        }
    }

    private static func distance(_ gateway: Int, _ target: DialPlan.Target) -> Duration {
        FleetCluster.roundTrip(gateway, FleetCluster.member(at: target.addresses[0]))
    }

    func requestEnd() -> Instant { now + Self.requestLasts }
}

// What the control loop does.
extension Fleet {
    private mutating func decide(_ gateway: Int, _ fact: (inout FleetGateway, Instant) -> [ControlMachine.Action]) {
        record.decisions += 1
        let actions = fact(&gateways[gateway], now)
        for action in actions { perform(action, for: gateway) }
        let deadline = gateways[gateway].machine.nextDeadline
        guard deadline != gateways[gateway].deadline || deadline == now else { return }
        gateways[gateway].deadline = deadline
        if let deadline { queue.add(.deadline(gateway), due: max(deadline, now)) }
    }

    private mutating func perform(_ action: ControlMachine.Action, for gateway: Int) {
        switch action {
        case .ask(let question):
            let (after, answer) = cluster.answer(question)
            record.asked(cluster.areNamesSilent ? FleetCluster.resolverTries : [.zero], at: now)
            queue.add(.answer(gateway, question, answer), due: now + after)
        case .probe(let id, let probe): self.probe(id, probe, by: gateway)
        case .publish(let plan): queue.add(.plan(gateway, plan), due: now + Self.hop)
        case .resetSessions(let id, .misplaced(let count)): reset(count, of: id, for: gateway)
        case .resetSessions(let id, let reason):
            let sessions = gateways[gateway].sessions(of: id)
            guard sessions > 0 else { return }
            let spread = reason == .dead ? ResetPace.ofDead(sessions) : ResetPace.unhurried
            resetStep(gateway, id, ResetPace(of: UInt64(sessions), over: spread))
        case .verify, .save, .tell: break
        }
    }

    private mutating func probe(_ id: EndpointID, _ probe: EndpointHealth.Probe, by gateway: Int) {
        guard let address = probe.addresses.first else { return }
        let member = FleetCluster.member(at: address)
        record.probed(member, by: gateway, isAnswering: cluster.behaviours[member] == .listening, at: now)
        let (after, outcome) = cluster.probe(probe.kind, from: gateway, of: member)
        let hasFailed = if case .failed(_, .dialing) = outcome { true } else { false }
        let time = probe.isFresh && !hasFailed ? FleetCluster.roundTrip(gateway, member) : nil
        queue.add(.probed(gateway, id, outcome, hasFailed ? nil : address, dialTime: time), due: now + after)
    }
}
