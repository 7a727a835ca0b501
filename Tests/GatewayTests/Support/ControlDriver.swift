import GatewayTesting

@testable import Gateway

/// A control machine in manual time.
struct ControlDriver {
    var machine: ControlMachine
    var generator: SeededGenerator
    var now = Instant.zero
    /// All plans that were published.
    var plans: [DialPlan] = []
    /// All that was told.
    var told: [Notice] = []
    /// Probes that began and have not ended.
    var probes: [EndpointID] = []
    /// How many probes began.
    var probeCount = 0
    /// How many of them had to make a connection.
    var freshProbes = 0
    /// Resets that were ordered.
    var resets: [EndpointID: ControlMachine.ResetReason] = [:]
    /// What the sessions look like.
    var activity: [EndpointID: ControlMachine.Activity] = [:]
    /// Questions that were asked and not answered.
    var questions: [Question] = []
    /// Addresses whose certificates are being looked at, and for which endpoint that was asked.
    var verifications: [SocketAddress: EndpointID] = [:]

    init(_ options: ControlOptions, seed: UInt64 = 1) {
        machine = ControlMachine(options: options)
        generator = SeededGenerator(seed: seed)
    }

    /// Literal endpoints `10.0.0.1`, `10.0.0.2`, … in tiers and with weights; no background probes.
    init(
        addresses: Int, priorities: [UInt16] = [], weights: [UInt16] = [], healthCheck: HealthCheck = .tcp,
        policy: Policy = .pinned, rebalance: Int = 0, healthInterval: Duration? = nil, seed: UInt64 = 1
    ) {
        let endpoints = (0..<addresses).map { index in
            StaticEndpoint(
                host: .address(SocketAddress.host(UInt32(index) + 1).ip),
                weight: weights.isEmpty ? 1 : weights[index], priority: priorities.isEmpty ? 0 : priorities[index])
        }
        var options = Self.options(endpoints)
        options.healthCheck = healthCheck
        (options.policy, options.rebalance, options.healthInterval) = (policy, rebalance, healthInterval)
        self.init(options, seed: seed)
    }

    static func options(_ endpoints: [StaticEndpoint], discovery: DiscoverySource? = nil) -> ControlOptions {
        var options = ControlOptions(.defaults)
        options.endpoints = endpoints.map(EndpointDeclaration.init)
        options.endpointsAreDefault = endpoints.isEmpty
        options.discovery = discovery
        options.healthInterval = nil
        options.healthCheck = .tcp
        return options
    }

    static func options(names: [String]) -> ControlOptions {
        options(names.map { StaticEndpoint(host: .name($0)) })
    }

    static func discovery(
        isInsecure: Bool = false, requiresTLS: Bool = false, fallback: [StaticEndpoint] = []
    ) -> ControlOptions {
        options(
            fallback,
            discovery: DiscoverySource(domain: "x", suffix: nil, isInsecure: isInsecure, requiresTLS: requiresTLS))
    }

    var plan: DialPlan? { plans.last }

    /// The hosts of the plan, by the last number of their first address, in its order; those believed good only.
    var good: [UInt32] { plan.map { Self.hosts($0.targets.prefix($0.good)) } ?? [] }

    /// All hosts of the plan, in its order.
    var all: [UInt32] { plan.map { Self.hosts($0.targets[...]) } ?? [] }

    private static func hosts(_ targets: ArraySlice<DialPlan.Target>) -> [UInt32] {
        targets.compactMap { target in
            guard case .v4(let ip) = target.addresses.first?.ip else { return nil }
            return ip - 0x0A00_0000
        }
    }

    /// The endpoint that has this host among its addresses.
    func id(_ host: UInt32) -> EndpointID? {
        machine.health.first { $0.value.addresses.contains(.host(host)) }?.key
    }
}

// Facts.
extension ControlDriver {
    mutating func start(guardedBy loopGuard: LoopGuard = LoopGuard(), inheriting handover: Handover? = nil) {
        take(machine.started(at: now, guardedBy: loopGuard, inheriting: handover, using: &generator))
    }

    mutating func answer(_ question: Question, _ answer: Answer) {
        questions.removeAll { $0 == question }
        take(machine.answered(question, answer, at: now, using: &generator))
    }

    /// Answers a name with these hosts, and that it has no IPv6 addresses.
    mutating func resolve(_ name: String, _ hosts: UInt32..., seconds: Int = 60) {
        let answer = Answer.addresses(hosts.map { SocketAddress.host($0).ip }, timeToLive: .seconds(seconds))
        self.answer(.addresses(name, .v4), answer)
        self.answer(.addresses(name, .v6), .nothing(timeToLive: .seconds(seconds)))
    }

    /// Answers the question for services: `name` or `name priority`.
    mutating func list(_ targets: [String], secure: Bool = true, seconds: Int = 60) {
        let records = targets.map { text in
            let parts = text.split(separator: " ")
            return ServiceRecord(
                priority: parts.count > 1 ? UInt16(parts[1]) ?? 0 : 0, weight: 1, port: 2379, target: String(parts[0]))
        }
        let answer: Answer =
            records.isEmpty
            ? .nothing(timeToLive: .seconds(seconds)) : .services(records, timeToLive: .seconds(seconds))
        self.answer(.services(secure ? "_etcd-client-ssl._tcp.x" : "_etcd-client._tcp.x"), answer)
    }

    mutating func dialFails(_ host: UInt32, _ failure: DialFailure = .refused) {
        guard let id = id(host) else { return }
        take(machine.dialFailed(id, .host(host), failure, at: now, using: &generator))
    }

    mutating func dialWorks(_ host: UInt32) {
        guard let id = id(host) else { return }
        take(machine.dialSucceeded(id, .host(host), at: now, using: &generator))
    }

    mutating func probeWorks(_ host: UInt32, dialedIn dialTime: Duration? = nil) {
        guard let id = id(host), probes.contains(id) else { return }
        probes.removeAll { $0 == id }
        take(
            machine.probeEnded(
                id, .connected, at: .host(host), dialedIn: dialTime, now: now, using: &generator))
    }

    mutating func probeFails(_ host: UInt32, _ failure: DialFailure = .refused) {
        guard let id = id(host), probes.contains(id) else { return }
        probes.removeAll { $0 == id }
        take(machine.probeEnded(id, .failed(failure, .dialing), at: nil, now: now, using: &generator))
    }

    /// A probe of whatever kind ended so, at this host where it was reached.
    mutating func probeEnds(_ id: EndpointID, _ outcome: ProbeOutcome, at host: UInt32? = nil) {
        guard probes.contains(id) else { return }
        probes.removeAll { $0 == id }
        let address = host.map { SocketAddress.host($0) }
        take(machine.probeEnded(id, outcome, at: address, now: now, using: &generator))
    }

    /// The certificate that was asked for is right.
    mutating func proves(_ host: UInt32) {
        guard let id = verifications.removeValue(forKey: .host(host)) else { return }
        take(machine.verificationEnded(id, .host(host), .verified(notAfter: 0), at: now, using: &generator))
    }

    mutating func suspect(_ id: EndpointID) { take(machine.suspected(id, at: now, using: &generator)) }

    mutating func hold(_ clients: Int) { take(machine.clientsHeld(clients, at: now, using: &generator)) }

    mutating func readLocalAddresses(_ loopGuard: LoopGuard) {
        take(machine.localAddressesRead(loopGuard, at: now, using: &generator))
    }

    mutating func changeNameService() { take(machine.nameServiceChanged(at: now, using: &generator)) }

    mutating func reload(_ options: ControlOptions) {
        take(machine.reconfigured(options, at: now, using: &generator))
    }

    @discardableResult
    mutating func drain(_ key: EndpointKey, within grace: Duration) -> DrainVerdict {
        let (verdict, actions) = machine.drained(key, within: grace, at: now, using: &generator)
        take(actions)
        return verdict
    }

    mutating func undrain(_ key: EndpointKey) -> Bool {
        let (wasOut, actions) = machine.undrained(key, at: now, using: &generator)
        take(actions)
        return wasOut
    }

    /// Time passes; every deadline on the way is met. Returns how many there were.
    @discardableResult
    mutating func pass(_ seconds: Double) -> Int {
        let end = now + .seconds(seconds)
        var fired = 0
        while let due = machine.nextDeadline, due <= end, fired < 10_000 {
            now = max(now, due)
            take(machine.timerFired(at: now, activity: activity, using: &generator))
            fired += 1
        }
        now = end
        return fired
    }

    private mutating func take(_ actions: [ControlMachine.Action]) {
        for action in actions {
            switch action {
            case .ask(let question): questions.append(question)
            case .publish(let plan): plans.append(plan)
            case .probe(let id, let probe):
                probes.append(id)
                freshProbes += probe.isFresh ? 1 : 0
                probeCount += 1
            case .tell(let notice): told.append(notice)
            case .resetSessions(let id, let reason): resets[id] = reason
            case .verify(let id, let address, _): verifications[address] = id
            case .save: break
            }
        }
    }
}
