import GatewayTesting

/// Measures what clients see, one fault after the other.
struct Lab {
    /// What our gateway is, and how it is started.
    struct GatewayUnderTest: Sendable {
        let program: String
        let flags: [String]
    }

    /// One thing to measure.
    struct Experiment: Sendable {
        let proxy: ProxyKind
        let policy: String
        let fault: Fault
        let round: Int
    }

    let gateway: GatewayUnderTest
    let names: NameServer

    /// Lets one fault happen to `cluster`, and makes the cluster whole again.
    func run(_ experiment: Experiment, on cluster: LabCluster) async throws -> Row {
        let fault = experiment.fault
        let scene = try await Scene(fault, in: cluster, names: names)
        let proxy = try await Proxy(
            experiment.proxy, policy: experiment.policy, endpoints: scene.endpoints, credentials: cluster.credentials,
            program: gateway.program, flags: gateway.flags + healthFlags(of: cluster))
        let clients = ClientLoop()
        defer { clients.stop() }
        let target = ClientTarget(address: Proxy.address, tls: cluster.tls)
        var victim = cluster.members[0]
        if fault == .learner {
            // The clients come to a proxy that has not seen the learner before.
            try await scene.begin(on: victim, clients: clients)
        }
        clients.add { FreshRequests(target, recordedIn: \.requests) }
        clients.add { KeptSession(target) }
        if fault != .learner {
            victim = try await memberOfKeptSession(clients, cluster, proxy)
            try await cluster.moveLeadership(awayFrom: victim)
            if fault.takesMemberAway {
                try await watchSilently(victim, clients, target, cluster)
            }
            try await Task.sleep(for: fault.peace)
            victim = try await memberOfKeptSession(clients, cluster, proxy)
            try await scene.begin(on: victim, clients: clients)
        }
        try await observe(scene, clients)
        let records = clients.records
        scene.timeline.ended = .now
        clients.stop()

        var measurement = Measurement(records, scene.timeline, newMember: scene.newMember)
        count(evictionsOf: scene.endpoint(of: victim), among: scene.endpoints, proxy, in: &measurement)
        let log = proxy.log
        try await proxy.end()
        try await scene.undo(on: victim)
        return Row(experiment, cluster.security, measurement, log: log)
    }

    private func healthFlags(of cluster: LabCluster) -> [String] {
        guard cluster.security == .tlsWithHealthCertificate, let credentials = cluster.credentials else { return [] }
        return [
            "--trusted-ca-file=\(credentials.authority)", "--health-cert-file=\(credentials.identity.certificate)",
            "--health-key-file=\(credentials.identity.key)",
        ]
    }

    /// The member by which the kept session was answered last, once the clients are served well.
    private func memberOfKeptSession(
        _ clients: ClientLoop, _ cluster: LabCluster, _ proxy: Proxy
    ) async throws -> LabMember {
        var number: UInt64?
        try await eventually("the clients are served; \(proxy.kind.rawValue) said: \(proxy.log.suffix(2_000))") {
            let records = clients.records
            if case .answered(let member) = records.kept.last?.kind { number = member }
            return number != nil && records.requests.count(where: \.isAnswered) >= 10
        }
        guard let number else { throw TestingError("etcd does not say which member answers") }
        return try await cluster.member(numbered: number)
    }

    private func watchSilently(
        _ victim: LabMember, _ clients: ClientLoop, _ target: ClientTarget, _ cluster: LabCluster
    ) async throws {
        let number = try await cluster.number(of: victim)
        clients.add { SilentWatch(target, on: number) }
        // Where the proxy never sends one to the victim, there is none.
        try? await eventually("a watch on \(victim.name)", within: .seconds(5)) { !clients.records.silent.isEmpty }
    }

    /// Returns when what must happen has happened, or was given its time.
    private func observe(_ scene: Scene, _ clients: ClientLoop) async throws {
        guard let last = scene.timeline.steps.last else { return }
        let (least, most) = scene.fault.observation
        try await Task.sleep(until: last.done + least, clock: .continuous)
        while ContinuousClock.now < last.done + most {
            var timeline = scene.timeline
            timeline.ended = .now
            let soFar = Measurement(clients.records, timeline, newMember: scene.newMember)
            if scene.fault.isOver(soFar) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func count(
        evictionsOf victim: String?, among endpoints: [String], _ proxy: Proxy, in measurement: inout Measurement
    ) {
        guard let victim else { return }
        measurement.evictions = proxy.evictions(of: victim)
        let others = endpoints.filter { $0 != victim }.compactMap(proxy.evictions)
        measurement.evictionsOfOthers = others.isEmpty ? nil : others.reduce(0, +)
    }
}

extension Fault {
    /// Whether nothing that is worth waiting for is still to come.
    func isOver(_ soFar: Measurement) -> Bool {
        switch self {
        case .allDown: soFar.servedAfterReturn != nil && soFar.keptAnsweredAfter != nil && soFar.unsettled == 0
        case .replaced: soFar.newMemberInUseAfter != nil
        case .lossy, .slow, .spaceAlarm, .learner: false
        default:
            soFar.keptAnsweredAfter != nil && (soFar.silentEndedAfter != nil || !soFar.hasSilent)
        }
    }
}
