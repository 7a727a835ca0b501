import Gateway
import GatewayTesting

/// One gateway, its clients, a network and a name service, in virtual time: twenty seconds of faults, then calm.
///
/// The machine and the sequences are the real ones; around them stands what the runtime does. The same seed gives the
/// same run.
package struct Simulation {
    enum Event {
        case answer(Question, Answer)
        case probed(EndpointID, ProbeOutcome, SocketAddress?, dialTime: Duration?)
        case dialed(client: Int, attempt: UInt32, DialFailure?)
        case fact(SimulatedLoop.Fact)
        case planArrived(DialPlan)
        case clientTimer(Int)
        case clientComes
        case fault
        case administration
        case shortageEnds
        case healing
    }

    static let faultsEnd = Instant.zero + .seconds(20)
    static let clientsEnd = Instant.zero + .seconds(50)
    static let end = Instant.zero + .seconds(72)
    /// By then every answer was replaced, every failing question asked again, every removal confirmed and every grace over.
    static let calmBegins = Instant.zero + .seconds(62)
    /// From one loop to another.
    static let hop = Duration.microseconds(50)

    var options: ControlOptions
    var generator: SeededGenerator
    var cluster: SimulatedCluster
    var machine: ControlMachine
    var queue = EventQueue<Event>()
    var now = Instant.zero
    var machineDeadline: Instant?
    var violations: [String] = []
    var statistics = Statistics()

    var loop: SimulatedLoop
    /// Picks under the plan that holds now, by endpoint.
    var picks: [EndpointID: Int] = [:]
    /// Whether all sessions are counted for `least-sessions`: those that are dialed while it becomes the policy are not.
    var countsSessions = true
    var nextClient = 0
    /// What happened, in words; kept only where that is wanted.
    package private(set) var story: [String] = []
    private let keepsStory: Bool
    /// What the last plan that was published offered.
    var published: [DialPlan.Target] = []
    var draining: [EndpointID: Instant] = [:]
    /// Sessions that were joined and not reset, to which address the last one was, and when, if the endpoint rested then.
    var sessions: [EndpointID: (count: UInt64, address: SocketAddress, restedAt: Instant?)] = [:]

    /// When the last session of an endpoint ended.
    var emptiedAt: [EndpointID: Instant] = [:]

    /// What is counted for the invariants that are about the end.
    struct Statistics {
        var served = 0
        var reset = 0
        /// Since the calm began.
        var probes = 0
        var steps = 0
        var secondBegan = Instant.zero
    }

    /// The run that follows from this seed.
    package init(seed: UInt64, keepsStory: Bool = false) {
        self.keepsStory = keepsStory
        generator = SeededGenerator(seed: seed)
        cluster = SimulatedCluster(using: &generator)
        options = Self.options(for: cluster, using: &generator)
        machine = ControlMachine(options: options)
        loop = SimulatedLoop(
            plan: DialPlan(targets: [], good: 0, spread: 0, policy: options.policy, timing: options.timing))
    }

    private static func options(
        for cluster: SimulatedCluster, using generator: inout SeededGenerator
    ) -> ControlOptions {
        var options = ControlOptions(.defaults)
        options.policy = Policy.allCases.randomElement(using: &generator) ?? .pinned
        options.rebalance = Bool.random(using: &generator) ? Int.random(in: 1...600, using: &generator) : 0
        options.retryDelay = .seconds(Int.random(in: 1...15, using: &generator))
        options.names = NameWatch.Timing(minimumTTL: .seconds(1), maximumTTL: .seconds(20))
        options.healthInterval = Bool.random(using: &generator) || options.policy == .fastest ? .seconds(5) : nil
        options.removalGrace = .seconds(Int.random(in: 0...10, using: &generator))
        options.endpointsAreDefault = cluster.source == .discovery || cluster.source == .insecureDiscovery
        if cluster.isDiscovered {
            options.discovery = DiscoverySource(
                domain: "sim", suffix: nil, isInsecure: cluster.source == .insecureDiscovery, requiresTLS: false)
        }
        if !options.endpointsAreDefault { options.endpoints = cluster.members.map { configured($0, in: cluster) } }
        return options
    }

    static func configured(
        _ member: SimulatedCluster.Member, in cluster: SimulatedCluster
    ) -> EndpointDeclaration {
        let host: Host = cluster.source == .addresses ? .address(member.address.ip) : .name(member.name)
        return EndpointDeclaration(
            StaticEndpoint(
                host: host, port: member.address.port, weight: member.weight, priority: member.priority))
    }

    /// Runs to the end, and returns what was wrong.
    package mutating func run() -> [String] {
        let loopGuard = LoopGuard(
            listeners: [SimulatedCluster.listener], localAddresses: [SimulatedCluster.listener.ip])
        if Bool.random(using: &generator) { cluster.suffer(at: now, using: &generator) }
        perform(machine.started(at: now, guardedBy: loopGuard, using: &generator))
        queue.add(.clientComes, due: now)
        queue.add(.fault, due: now + .seconds(1))
        if Bool.random(using: &generator) { queue.add(.administration, due: now + .seconds(2)) }
        queue.add(.healing, due: Self.faultsEnd)
        while let due = [queue.nextDue, machineDeadline].compactMap({ $0 }).min(), due < Self.end, violations.isEmpty {
            step(to: due)
        }
        if violations.isEmpty { checkEnd() }
        return violations
    }

    /// In a second of virtual time; a shortage of ours makes some hundreds.
    private static let stepsAtMost = 5_000

    private mutating func step(to due: Instant) {
        // What is due only because somebody else is good by now was due before: the clock does not go back for it.
        now = max(now, due)
        if now - statistics.secondBegan >= .seconds(1) { (statistics.secondBegan, statistics.steps) = (now, 0) }
        statistics.steps += 1
        if statistics.steps > Self.stepsAtMost { violate("a busy loop, \(loop.clients.count) clients") }
        if queue.nextDue == due, let event = queue.pop() {
            handle(event)
        } else {
            perform(machine.timerFired(at: now, activity: activity, using: &generator))
            if let deadline = machine.nextDeadline, deadline <= now { violate("the deadline stays at \(deadline)") }
        }
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .answer(let question, let answer):
            perform(machine.answered(question, answer, at: now, using: &generator))
        case .probed(let id, let outcome, let address, let time): probed(id, outcome, address, time)
        case .dialed(let client, let attempt, let failure): dialed(client, attempt, failure)
        case .fact(let fact): take(fact)
        case .planArrived(let plan): arrived(plan)
        case .clientTimer(let client): clientTimerFired(client)
        case .clientComes: clientComes()
        case .fault: fault()
        case .administration: administration()
        case .shortageEnds: cluster.network.setShort(false, at: now)
        case .healing:
            cluster.heal(at: now, using: &generator)
            endAdministration()
        }
    }

    private mutating func fault() {
        guard now < Self.faultsEnd else { return }
        cluster.suffer(at: now, using: &generator)
        let cluster = cluster
        tell("fault: \(cluster)")
        if cluster.network.isShort {
            queue.add(.shortageEnds, due: now + .milliseconds(Int.random(in: 1...1_000, using: &generator)))
        }
        if Int.random(in: 0..<20, using: &generator) == 0 {
            perform(machine.nameServiceChanged(at: now, using: &generator))
        }
        queue.add(.fault, due: now + .milliseconds(Int.random(in: 1...6_000, using: &generator)))
    }

    mutating func violate(_ what: String) {
        violations.append("\(now.nanoseconds / 1_000_000) ms: \(what)")
        tell("broken promise: \(what)")
    }

    mutating func tell(_ what: @autoclosure () -> String) {
        guard keepsStory else { return }
        let line = "\(now.nanoseconds / 1_000_000) ms: \(what())"
        story.append(line)
    }
}

// The control loop.
extension Simulation {
    mutating func perform(_ actions: [ControlMachine.Action]) {
        for action in actions {
            switch action {
            case .ask(let question):
                let (after, answer) = cluster.zone.answer(question)
                queue.add(.answer(question, answer), due: now + after)
            case .probe(let id, let what): probe(id, what)
            case .publish(let plan):
                if now > Self.calmBegins { violate("published in the calm: \(plan.targets), \(plan.good) are good") }
                tell(
                    "plan: \(plan.good) of \(plan.targets.map { "\($0.endpoint.slot) \($0.addresses)" }), \(plan.policy)"
                )
                check(plan)
                queue.add(.planArrived(plan), due: now + Self.hop)
            case .resetSessions(let id, let reason): resetSessions(id, reason)
            case .verify: violate("nothing has to be verified")
            case .save(let set): if set.entries.isEmpty { violate("an empty set is saved") }
            case .tell(let notice): note(notice)
            }
        }
        machineDeadline = machine.nextDeadline
    }

    private mutating func probe(_ id: EndpointID, _ what: EndpointHealth.Probe) {
        statistics.probes += now > Self.calmBegins ? 1 : 0
        if what.addresses.isEmpty { violate("a probe of nothing") }
        for address in what.addresses { checkDialed(address) }
        let isSecure = cluster.members.first { what.addresses.contains($0.address) }?.isSecure ?? false
        let (after, outcome, address) = cluster.network.probe(what, ofTLS: isSecure)
        let dialTime = what.isFresh ? cluster.network.dialTime(of: address) : nil
        queue.add(.probed(id, outcome, address, dialTime: dialTime), due: now + after)
    }

    private mutating func resetSessions(_ id: EndpointID, _ reason: ControlMachine.ResetReason) {
        if case .misplaced(let count) = reason { return misplaced(id, count) }
        if reason == .dead { checkDeath(of: id) }
        if reason == .drained { checkDrain(of: id) }
        letGo(sessions[id]?.count ?? 0, of: id)
        guard reason == .dead else { return }
        if machine.health[id]?.isProvenDead != true { violate("sessions of a living endpoint are reset") }
        if machine.health.values.allSatisfy({ !$0.isGood }) { violate("sessions are reset although all look dead") }
    }

    /// Nobody who was dialed after the last failed probe had begun pays for what was before, once that dial is known.
    private mutating func checkDeath(of id: EndpointID) {
        guard let joinedAt = sessions[id]?.restedAt, let probe = machine.health[id]?.lastFailure else { return }
        if joinedAt > probe, now > joinedAt + Self.hop { violate("a session is reset for what was before it") }
    }

    /// Only to somebody who is good, at the pace that is set, and never for ever.
    private mutating func misplaced(_ id: EndpointID, _ count: Int) {
        if options.rebalance == 0 { violate("sessions are moved unasked") }
        if count > max(1, options.rebalance / 60 + 1) { violate("\(count) sessions are moved at once") }
        if machine.health[id]?.isGood != true { violate("a session is moved away from an endpoint that is not good") }
        if loop.plan.targets.first?.endpoint == id, loop.plan.spread <= 1 {
            violate("a session is moved away from who serves")
        }
        guard let session = sessions[id], session.count >= UInt64(count) else {
            return violate("more sessions are moved than there are")
        }
        letGo(UInt64(count), of: id)
    }

    mutating func letGo(_ count: UInt64, of id: EndpointID) {
        guard let session = sessions[id] else { return }
        sessions[id]?.count -= count
        if session.count == count { (sessions[id], emptiedAt[id]) = (nil, now) }
        for _ in 0..<count { loop.sessionEnded(on: id) }
    }

    private mutating func note(_ notice: Notice) {
        tell("\(notice)")
        if case .endpointDraining(let key, _) = notice, let id = id(of: key) { draining[id] = now }
        if case .endpointAdded(let key) = notice, let id = id(of: key) { draining[id] = nil }
    }

    private func id(of key: EndpointKey) -> EndpointID? {
        machine.endpoints.all.first { $0.declaration.key == key }?.id
    }

    private mutating func take(_ fact: SimulatedLoop.Fact) {
        switch fact {
        case .heldChanged:
            perform(machine.clientsHeld(loop.held, at: now, using: &generator))
        case .suspected(let id): perform(machine.suspected(id, at: now, using: &generator))
        case .dialSucceeded(let id, let address):
            perform(machine.dialSucceeded(id, address, at: now, using: &generator))
        case .dialFailed(let id, let address, let failure):
            let wasGood = machine.health[id]?.isGood ?? false
            perform(machine.dialFailed(id, address, failure, at: now, using: &generator))
            if !failure.isEvidence { checkStillGood(id, wasGood) }
            checkEviction(id, wasGood)
        }
    }

    private mutating func probed(
        _ id: EndpointID, _ outcome: ProbeOutcome, _ address: SocketAddress?, _ dialTime: Duration?
    ) {
        let wasGood = machine.health[id]?.isGood ?? false
        perform(machine.probeEnded(id, outcome, at: address, dialedIn: dialTime, now: now, using: &generator))
        if case .failed(.local, _) = outcome { checkStillGood(id, wasGood) }
        checkEviction(id, wasGood)
    }

    /// What the sessions look like: those of members that live have just received something.
    var activity: [EndpointID: ControlMachine.Activity] {
        sessions.mapValues { session in
            let lives = cluster.network.hasListened(session.address, since: now)
            return ControlMachine.Activity(sessions: session.count, lastReceived: lives ? now : nil)
        }
    }
}
