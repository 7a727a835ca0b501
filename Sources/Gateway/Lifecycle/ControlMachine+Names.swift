extension ControlMachine {
    /// The questions that the endpoints known now need answered for ever.
    var wantedQuestions: Set<Question> {
        var questions = options.discovery?.questions ?? []
        for member in endpoints.all {
            if case .draining = member.presence { continue }
            guard case .name(let name) = member.declaration.key.host else { continue }
            for family in AddressFamily.allCases { questions.insert(.addresses(name, family)) }
        }
        return questions
    }

    /// The addresses of an endpoint by the last good answers, without those that lead back to us; those that failed last.
    func addresses(of member: EndpointSet.Member) -> [SocketAddress] {
        let failed = health[member.id]?.failedAddresses ?? []
        let all = resolved(member.declaration.key.host)
            .prefix(Self.addressesAtMost)
            .map { SocketAddress(ip: $0, port: member.declaration.key.port) }
            .filter { !loopGuard.isLoop($0) }
        return all.filter { !failed.contains($0.ip) } + all.filter { failed.contains($0.ip) }
    }

    /// How many addresses one endpoint may have; more are cut (design: DNS answers are bounded).
    static let addressesAtMost = 16

    /// Both families' addresses. Where one family says "none" while the other has some, none is what counts; else the last
    /// good answer of each stays.
    func resolved(_ host: Host) -> [IPAddress] {
        guard case .name(let name) = host else {
            if case .address(let ip) = host { return [ip] }
            return []
        }
        let entries = AddressFamily.allCases.compactMap { names[.addresses(name, $0)] }
        let positive = entries.filter { !$0.isNegative && $0.good != nil }
        let known = (positive.isEmpty ? entries : positive).flatMap { entry -> [IPAddress] in
            guard case .addresses(let addresses, _) = entry.good else { return [] }
            return addresses
        }
        return known.isEmpty ? remembered?.addresses(of: host) ?? [] : known
    }

    mutating func take(
        _ question: Question, _ answer: Answer, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        switch names.answered(question, answer, at: now, using: &generator) {
        case .noNews:
            return redeclareIfServices(question, at: now)
        case .startedFailing(let reason):
            return tellFailing(question, reason) + redeclareIfServices(question, at: now)
        case .changed, .unchanged:
            let recovered: [Action] =
                told.failing.remove(question) == nil
                ? [] : [.tell(.discoveryRecovered(name: question.name))]
            return recovered + redeclareIfServices(question, at: now, isFresh: true)
        }
    }

    /// One family without addresses is no trouble while the other has some; the plain service's absence is none either.
    private mutating func tellFailing(_ question: Question, _ reason: String) -> [Action] {
        switch question {
        case .addresses(let name, _):
            let entries = AddressFamily.allCases.map { names[.addresses(name, $0)] }
            let isSettled = entries.allSatisfy { $0.map { $0.answeredAt != nil || $0.failure != nil } ?? true }
            let hasAnswer = entries.contains { $0.map { $0.good != nil && !$0.isNegative } ?? false }
            guard isSettled, !hasAnswer || names[question]?.failure != nil else { return [] }
        case .services:
            guard let source = options.discovery else { return [] }
            let isKnown = names[question]?.good != nil
            guard isKnown || source.hasNothing(in: names) || names[question]?.failure != nil else { return [] }
        }
        guard told.failing.insert(question).inserted else { return [] }
        return [.tell(.discoveryFailing(name: question.name, reason: reason))]
    }

    /// An answer about services is a complete statement of who is there; a failure is none, but it may show that the
    /// configured endpoints must serve.
    private mutating func redeclareIfServices(_ question: Question, at now: Instant, isFresh: Bool = false) -> [Action]
    {
        guard case .services = question, let source = options.discovery else { return [] }
        let discovered = source.declarations(from: names) ?? []
        if discovered.isEmpty { return fallBack(source, at: now) }
        let hasEndpoints = endpoints.all.contains { $0.declaration.origin != .configured }
        guard isFresh || !hasEndpoints else { return [] }
        told.usesConfigured = false
        return tellPlain(discovered, source) + declare(discovered, at: now)
    }

    private mutating func tellPlain(_ discovered: [EndpointDeclaration], _ source: DiscoverySource) -> [Action] {
        guard !told.isPlain, discovered.contains(where: { $0.origin == .discoveredPlain }) else { return [] }
        told.isPlain = true
        return [.tell(.discoveryIsPlain(name: source.plain.name))]
    }

    private mutating func fallBack(_ source: DiscoverySource, at now: Instant) -> [Action] {
        guard !told.usesConfigured, !options.endpointsAreDefault, source.hasNothing(in: names) else { return [] }
        told.usesConfigured = true
        return [.tell(.usingConfiguredEndpoints)] + declare(fallbackDeclarations, at: now)
    }

    mutating func declare(_ declarations: [EndpointDeclaration], at now: Instant) -> [Action] {
        let changes = endpoints.declare(declarations, at: now)
        if let source = options.discovery, let due = endpoints.confirmationDue {
            for question in source.questions { names.askBy(max(due, now), question) }
        }
        var actions: [Action] = []
        for change in changes { actions += carryOut(change) }
        return actions
    }

    mutating func carryOut(_ change: EndpointSet.Change) -> [Action] {
        switch change {
        case .added(let id):
            health[id] = EndpointHealth()
            return tell(id) { .endpointAdded($0) }
        case .updated:
            return []
        case .returned(let id):
            return tell(id) { .endpointAdded($0) }
        case .wentMissing(let id):
            return tell(id) { .endpointMissing($0) }
        case .startedDraining(let id):
            return tell(id) { .endpointDraining($0, grace: endpoints.removalGrace) }
        case .expired(let member):
            health[member.id] = nil
            return [.resetSessions(member.id), .tell(.endpointRemoved(member.declaration.key))]
        }
    }

    private func tell(_ id: EndpointID, _ notice: (EndpointKey) -> Notice) -> [Action] {
        endpoints[id].map { [.tell(notice($0.declaration.key))] } ?? []
    }
}

extension Question {
    /// The name asked for, without a dot at its end.
    public var name: String {
        let name =
            switch self {
            case .services(let name): name
            case .addresses(let name, _): name
            }
        return name.utf8.last == UInt8(ascii: ".") ? String(name.dropLast()) : name
    }
}
