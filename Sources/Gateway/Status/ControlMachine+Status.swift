// What the status shows of decisions.
extension ControlMachine {
    /// Each endpoint, in the order of their numbers.
    public func endpointStatus(
        traffic: [EndpointKey: EndpointTraffic], dialTimes: [EndpointKey: Duration], history: StatusHistory,
        at now: Instant
    ) -> [EndpointStatus] {
        endpoints.all.map { member in
            let key = member.declaration.key
            let counted = traffic[key] ?? EndpointTraffic()
            let health = health[member.id]
            let opened = counted.dials[.opened] ?? 0
            let lastError = history.lastErrors[key]
            return EndpointStatus(
                name: key.description, addresses: health?.dialOrder.map(\.description) ?? [],
                origin: member.declaration.origin.words, priority: member.declaration.priority,
                weight: member.declaration.weight, state: state(of: member), role: role(of: member.id),
                reason: reason(of: member, at: now), age: age(of: member, at: now), sessions: counted.sessions,
                bytesUp: counted.bytesUp, bytesDown: counted.bytesDown, dialsOpened: opened,
                dialsFailed: counted.dials.values.reduce(0, +) - opened,
                dialTime: dialTimes[key], lastError: lastError?.text, lastErrorAge: lastError.map { now - $0.at },
                probe: health?.ladder.strongest.rawValue ?? "",
                nextProbe: health?.nextProbe.map { max(.zero, $0 - now) }, isProbing: health?.isProbing ?? false,
                unanswered: counted.unansweredSince.map { max(.zero, now - $0) })
        }
    }

    private func state(of member: EndpointSet.Member) -> EndpointStatus.State {
        switch member.presence {
        case .draining: return .draining
        case .missing: return .missing
        case .present: break
        }
        guard let health = health[member.id], !health.addresses.isEmpty else { return .unresolved }
        switch health.state {
        case .untried: return .untried
        case .good: return .good
        case .resting: return .down
        }
    }

    private func role(of id: EndpointID) -> EndpointStatus.Role {
        guard let plan, let place = plan.targets.firstIndex(where: { $0.endpoint == id }) else { return .out }
        if plan.good == 0 { return .serving }  // panic: everybody is tried
        if place < plan.spread { return .serving }
        return place < plan.good ? .standby : .out
    }

    private func age(of member: EndpointSet.Member, at now: Instant) -> Duration? {
        switch member.presence {
        case .missing(let since): return now - since
        case .draining(let until): return max(.zero, now - until + endpoints.removalGrace)
        case .present: break
        }
        guard let health = health[member.id] else { return nil }
        return (health.restsSince ?? health.goodSince).map { now - $0 }
    }

    /// Whether clients are served: somebody is believed good.
    public var isReady: Bool { (plan?.good ?? 0) > 0 }

    /// What DNS says; `nil` where nothing is asked.
    public func discoveryStatus(at now: Instant) -> DiscoveryStatus? {
        guard options.discovery != nil || !names.isEmpty else { return nil }
        return DiscoveryStatus(
            domain: options.discovery?.domain, source: sourceWords,
            names: names.watched.map { DiscoveryStatus.Name($0.question, $0.entry, at: now) })
    }

    private var sourceWords: String {
        guard let source = options.discovery else { return "the settings" }
        let origins = Set(endpoints.all.map(\.declaration.origin))
        if origins.isEmpty { return "nowhere yet" }
        if origins == [.configured] { return "the settings" }
        return source.statement(in: names) == nil ? "the last run" : "DNS"
    }
}

extension EndpointDeclaration.Origin {
    fileprivate var words: String {
        switch self {
        case .configured: "configured"
        case .discoveredTLS: "discovered"
        case .discoveredPlain: "discovered without TLS"
        }
    }
}

extension DiscoveryStatus.Name {
    fileprivate init(_ question: Question, _ entry: NameWatch.Entry, at now: Instant) {
        let state: State =
            if entry.failure != nil { .failing } else if !entry.isTried { .untried } else {
                entry.isNegative ? .none : .fine
            }
        self.init(
            name: question.name, type: question.type, state: state, records: entry.good?.count ?? 0,
            age: entry.answeredAt.map { now - $0 }, nextRefresh: entry.due.map { max(.zero, $0 - now) },
            error: entry.failure.map { printable($0) })
    }
}

extension Question {
    fileprivate var type: String {
        switch self {
        case .services: "SRV"
        case .addresses(_, .v4): "A"
        case .addresses(_, .v6): "AAAA"
        }
    }
}

extension Answer {
    fileprivate var count: Int {
        switch self {
        case .services(let records, _): records.count
        case .addresses(let addresses, _): addresses.count
        case .nothing, .failed: 0
        }
    }
}
