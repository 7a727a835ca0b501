import Gateway

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
        checkNobodyIsAbandoned(by: plan)
    }

    /// Who is good and wanted is offered, and a plan that offers nobody never follows one that did: there is no better guess
    /// than the last one.
    private mutating func checkNobodyIsAbandoned(by plan: DialPlan) {
        let good = Set(plan.targets.prefix(plan.good).map(\.endpoint))
        for member in machine.endpoints.all where member.presence == .present && !machine.isDrained(member.id) {
            guard let health = machine.health[member.id], health.isGood, !health.addresses.isEmpty else { continue }
            if !good.contains(member.id), !machine.newcomers.contains(member.id) {
                violate("\(member.declaration.key) is good, wanted and not offered")
            }
        }
        if plan.targets.isEmpty, !published.isEmpty { violate("nobody is offered, and before there were \(published)") }
        published = plan.targets
    }

    /// Nobody who answers is evicted, whatever our own shortages, the name service and the administrator do: not where he has
    /// listened for longer than any dial or probe takes.
    mutating func checkEviction(_ id: EndpointID, _ wasGood: Bool) {
        guard wasGood, let health = machine.health[id], !health.isGood, !health.addresses.isEmpty else { return }
        let longest = options.timing.dialTimeout + .milliseconds(500) * health.addresses.count + .seconds(1)
        guard now > .zero + longest else { return }
        let since = Instant.zero + ((now - .zero) - longest)
        if health.addresses.allSatisfy({ cluster.network.hasListened($0, since: since) }) {
            violate("\(id.slot) is evicted although it has listened for \(longest)")
        }
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
        if now > Self.calmBegins, !cluster.members.contains(where: { $0.isListed && $0.address == attempt.address }) {
            violate("client \(id) is dialed to \(attempt.address), where nobody is listed")
        }
        guard let client = loop.clients[id], let since = draining[attempt.endpoint] else { return }
        if client.startedAt > since + Self.hop { violate("client \(id) is dialed to an endpoint that drains") }
    }

    mutating func checkStillGood(_ id: EndpointID, _ wasGood: Bool) {
        if wasGood, machine.health[id]?.isGood == false { violate("our own shortage put \(id.slot) to rest") }
    }

    /// A client is never served late where somebody listened all the time, nor reset before its time or kept after it.
    mutating func check(_ client: WaitingClient, _ id: Int, isServed: Bool) {
        let waited = now - client.acceptedAt
        let hold = options.timing.holdTimeout ?? .zero
        let longest = hedging(client) + .seconds(1)
        if !isServed, waited < hold { violate("client \(id) is reset after \(waited)") }
        // Whoever refuses in between takes a moment for it.
        let late = options.timing.dialTimeout * 2 + SimulatedNetwork.roundTrip * 2
        if waited > hold + late { violate("client \(id) waited \(waited)") }
        let hadHost = client.offered.contains { cluster.network.hasListened($0, since: client.acceptedAt) }
        let wasShort = cluster.network.isShort || cluster.network.shortChangedAt >= client.acceptedAt
        if hadHost, !wasShort, waited > longest { violate("client \(id) waited \(waited) although somebody listened") }
        checkRecovery(client, id, isServed: isServed, waited)
    }

    private func hedging(_ client: WaitingClient) -> Duration {
        (options.timing.hedgeDelay ?? options.timing.dialTimeout) * max(client.offered.count, cluster.members.count)
    }

    private mutating func checkRecovery(_ client: WaitingClient, _ id: Int, isServed: Bool, _ waited: Duration) {
        guard client.acceptedAt >= Self.faultsEnd else { return }
        let isSettled = client.acceptedAt >= Self.faultsEnd + Self.settling
        let longest = isSettled ? Self.recovery.settled : Self.recovery.first
        guard !isServed || waited > longest else { return }
        violate("after the faults client \(id) waited \(waited), served: \(isServed)")
    }

    /// After a long calm everything is at rest: nobody waits, nothing is probed or published, nothing has grown.
    mutating func checkEnd() {
        if !loop.clients.isEmpty { violate("\(loop.clients.count) clients are left") }
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
        if former.keys.contains(where: isForgotten) { violate("a former place without sessions is left") }
        if machine.health.values.contains(where: { !$0.isGood }) { violate("somebody rests for ever") }
        if !machine.told.failing.isEmpty { violate("\(machine.told.failing) fail for ever") }
        let names = (cluster.source == .addresses ? 0 : 2 * listed) + (cluster.isDiscovered ? 2 : 0)
        if machine.names.count != names { violate("\(machine.names.count) questions, not \(names)") }
        checkLastPlan()
        checkTimers(names: names, endpoints: listed + former.count)
    }

    /// Former places are looked at every 30 s; one without sessions is gone by then.
    private func isForgotten(_ place: EndpointID) -> Bool {
        sessions[place] == nil && now - (emptiedAt[place] ?? .zero) > EndpointHealth.idleInterval + .seconds(1)
    }

    /// No timer is left of what has ended: what waits is a question or a probe that is under way, and the one deadline of the
    /// machine, which never wakes up for nothing.
    private mutating func checkTimers(names: Int, endpoints: Int) {
        if queue.count > names + endpoints {
            violate("\(queue.count) events are left, \(names) names, \(endpoints) endpoints")
        }
        if let due = machine.nextDeadline, due <= now { violate("the deadline has passed") }
        if !machine.resetAsDead.isEmpty { violate("\(machine.resetAsDead) are remembered as dead") }
        if machine.newcomers.deadline != nil { violate("newcomers wait for ever") }
        if !machine.drains.isEmpty { violate("drains are left: \(machine.drains)") }
        if !machine.verification.isEmpty { violate("verifications are left") }
        if let lost = sessions.keys.first(where: { machine.endpoints[$0] == nil }) {
            violate("sessions of \(lost.slot) are left, which is forgotten")
        }
    }

    /// In the calm an endpoint is probed every `--health-interval`, 20 % sooner at most, and not at all without it.
    private mutating func checkCalmProbes() {
        let seconds = (now - Self.calmBegins).components.seconds
        let longest = options.healthInterval == nil ? 0 : machine.endpoints.allIDs.count * (Int(seconds) / 4 + 2)
        if statistics.probes > longest { violate("\(statistics.probes) probes in \(seconds) s") }
    }

    private mutating func checkLastPlan() {
        if machine.plan != loop.plan { violate("the loops have another plan than was published") }
        let dialable = Set(cluster.members.filter(\.isListed).map(\.address))
        let planned = Set(loop.plan.targets.flatMap(\.addresses))
        if planned != dialable { violate("the plan has \(planned), listed are \(dialable)") }
        if loop.plan.good != loop.plan.targets.count { violate("only \(loop.plan.good) are good") }
    }
}
