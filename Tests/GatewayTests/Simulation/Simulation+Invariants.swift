@testable import Gateway

// What must be true in every run.
extension Simulation {
    /// All listed members are back: how long a client that comes then may wait for a gateway that knows old news only, and
    /// how long later.
    private static let recovery = (first: Duration.seconds(8), settled: Duration.milliseconds(1_500))
    private static let settling = Duration.seconds(20)

    mutating func check(_ plan: DialPlan) {
        for (place, target) in plan.targets.enumerated() {
            guard let member = machine.endpoints[target.endpoint] else { return violate("an unknown one is offered") }
            if case .draining = member.presence { violate("\(member.declaration.key) drains and is offered") }
            if target.addresses.isEmpty { violate("\(member.declaration.key) is offered without an address") }
            let isGood = machine.health[target.endpoint]?.isGood ?? false
            if (place < plan.good) != isGood { violate("the good are not first") }
            for address in target.addresses { checkDialed(address) }
            checkService(of: target, in: plan)
        }
        if plan.spread > plan.targets.count { violate("spread over more than there are") }
    }

    /// One that is out of service is offered only where nobody else is good.
    private mutating func checkService(of target: DialPlan.Target, in plan: DialPlan) {
        guard machine.isDrained(target.endpoint) else { return }
        let others = plan.targets.prefix(plan.good).filter { !machine.isDrained($0.endpoint) }
        if !others.isEmpty { violate("\(target.endpoint.slot) is out of service and offered") }
    }

    /// Sessions are let go only where their clients can go somewhere else.
    mutating func checkDrain(of id: EndpointID) {
        if !machine.isDrained(id) { violate("sessions of \(id.slot) are let go unasked") }
        let others = machine.plan?.targets.prefix(machine.plan?.good ?? 0).filter { !machine.isDrained($0.endpoint) }
        if others?.isEmpty ?? true { violate("the last one's sessions are let go") }
    }

    mutating func checkDialed(_ address: SocketAddress) {
        if address == SimulatedCluster.listener { violate("\(address) is a loop") }
    }

    mutating func check(_ attempt: DialSequence.Attempt, of id: Int) {
        checkDialed(attempt.address)
        guard let client = clients[id], let since = draining[attempt.endpoint] else { return }
        if client.startedAt > since + Self.hop { violate("client \(id) is dialed to an endpoint that drains") }
    }

    mutating func checkStillGood(_ id: EndpointID, _ wasGood: Bool) {
        if wasGood, machine.health[id]?.isGood == false { violate("our own shortage put \(id.slot) to rest") }
    }

    /// A client is never served late where somebody listened all the time, nor reset before its time or kept after it.
    mutating func check(_ client: SimulatedClient, _ id: Int, isServed: Bool) {
        let waited = now - client.acceptedAt
        let hold = options.timing.holdTimeout ?? .zero
        let longest = hedging(client) + .seconds(1)
        if !isServed, waited < hold { violate("client \(id) is reset after \(waited)") }
        if waited > hold + options.timing.dialTimeout * 2 { violate("client \(id) waited \(waited)") }
        let hadHost = client.offered.contains { cluster.network.hasListened($0, since: client.acceptedAt) }
        let wasShort = cluster.network.isShort || cluster.network.shortChangedAt >= client.acceptedAt
        if hadHost, !wasShort, waited > longest { violate("client \(id) waited \(waited) although somebody listened") }
        checkRecovery(client, id, isServed: isServed, waited)
    }

    private func hedging(_ client: SimulatedClient) -> Duration {
        (options.timing.hedgeDelay ?? options.timing.dialTimeout) * max(client.offered.count, cluster.members.count)
    }

    private mutating func checkRecovery(_ client: SimulatedClient, _ id: Int, isServed: Bool, _ waited: Duration) {
        guard client.acceptedAt >= Self.faultsEnd else { return }
        let isSettled = client.acceptedAt >= Self.faultsEnd + Self.settling
        let longest = isSettled ? Self.recovery.settled : Self.recovery.first
        guard !isServed || waited > longest else { return }
        violate("after the faults client \(id) waited \(waited), served: \(isServed)")
    }

    /// After a long calm everything is at rest: nobody waits, nothing is probed or published, nothing has grown.
    mutating func checkEnd() {
        if !clients.isEmpty { violate("\(clients.count) clients are left") }
        if statistics.served == 0 { violate("nobody was served") }
        checkCalmProbes()
        if machine.unsavedSet != nil { violate("the last good set is never saved") }
        let listed = cluster.members.count(where: \.isListed) + (cluster.isDiscovered && cluster.hasLoop ? 1 : 0)
        let known = machine.endpoints.all.map { "\($0.declaration.key) \($0.presence)" }
        if known.count != listed { violate("\(cluster.source): known are \(known), listed \(listed)") }
        let former = machine.endpoints.former
        if machine.health.count != listed + former.count {
            violate("\(machine.health.count) healths, \(listed) listed, \(former.count) former places")
        }
        if former.keys.contains(where: { sessions[$0] == nil }) { violate("a former place without sessions is left") }
        if machine.health.values.contains(where: { !$0.isGood }) { violate("somebody rests for ever") }
        if !machine.told.failing.isEmpty { violate("\(machine.told.failing) fail for ever") }
        let names = (cluster.source == .addresses ? 0 : 2 * listed) + (cluster.isDiscovered ? 2 : 0)
        if machine.names.count != names { violate("\(machine.names.count) questions, not \(names)") }
        checkLastPlan()
    }

    /// In the calm an endpoint is probed every `--health-interval`, 20 % sooner at most, and not at all without it.
    private mutating func checkCalmProbes() {
        let seconds = (now - Self.calmBegins).components.seconds
        let longest = options.healthInterval == nil ? 0 : machine.endpoints.allIDs.count * (Int(seconds) / 4 + 2)
        if statistics.probes > longest { violate("\(statistics.probes) probes in \(seconds) s") }
    }

    private mutating func checkLastPlan() {
        if machine.plan != plan { violate("the loops have another plan than was published") }
        let dialable = Set(cluster.members.filter(\.isListed).map(\.address))
        let planned = Set(plan.targets.flatMap(\.addresses))
        if planned != dialable { violate("the plan has \(planned), listed are \(dialable)") }
        if plan.good != plan.targets.count { violate("only \(plan.good) are good") }
    }
}
