extension ControlMachine {
    mutating func take(
        _ question: Question, _ answer: Answer, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        let outcome = names.answered(question, answer, at: now, using: &generator)
        guard outcome != .noNews else { return [] }
        switch question {
        case .addresses: return tellTrouble(with: question) + readAddresses(at: now)
        case .services: return tellTrouble(with: question) + redeclare(isFresh: isStatement(question, outcome), at: now)
        }
    }

    /// Whether it is now known who is there: by records, or because a service that counted has none any more.
    private func isStatement(_ question: Question, _ outcome: NameWatch.Outcome) -> Bool {
        outcome != .failing || options.discovery?.isGone(question, in: names) == true
    }

    /// An answer about services is a complete statement of who is there; a failure is none, but it may show that the
    /// configured endpoints must serve.
    mutating func redeclare(isFresh: Bool, at now: Instant) -> [Action] {
        guard let source = options.discovery else { return [] }
        let discovered = source.declarations(from: names) ?? []
        if discovered.isEmpty { return fallBack(source, at: now) }
        if isSuperseded { return succeed(with: discovered, source, at: now) }
        let hasEndpoints = endpoints.all.contains { $0.declaration.origin != .configured }
        guard isFresh || !hasEndpoints else { return [] }
        told.usesConfigured = false
        let statement = source.statement(in: names) ?? now
        return tellPlain(discovered, source) + declare(discovered, asOf: statement, at: now) + endpointsChanged(at: now)
    }

    private mutating func fallBack(_ source: DiscoverySource, at now: Instant) -> [Action] {
        guard !told.usesConfigured, !options.endpointsAreDefault, source.hasNothing(in: names) else { return [] }
        let areConfigured = endpoints.all.allSatisfy { $0.declaration.origin == .configured }
        guard areConfigured || isSuperseded else { return [] }
        told.usesConfigured = true
        let declared =
            isSuperseded
            ? replace(with: fallbackDeclarations, at: now) : declare(fallbackDeclarations, asOf: now, at: now)
        return [.tell(.usingConfiguredEndpoints)] + declared + endpointsChanged(at: now)
    }

    /// Another source has been configured, and has answered. Half of its answer would drain who stands in the other half.
    private mutating func succeed(
        with discovered: [EndpointDeclaration], _ source: DiscoverySource, at now: Instant
    ) -> [Action] {
        guard source.questions.allSatisfy({ names[$0]?.isTried == true }) else { return [] }
        return tellPlain(discovered, source) + replace(with: discovered, at: now) + endpointsChanged(at: now)
    }

    private mutating func replace(with declarations: [EndpointDeclaration], at now: Instant) -> [Action] {
        isSuperseded = false
        let changes = endpoints.replace(with: declarations, missingToo: false, at: now)
        return changes.flatMap { carryOut($0, at: now) }
    }

    mutating func declare(_ declarations: [EndpointDeclaration], asOf statement: Instant, at now: Instant) -> [Action] {
        let changes = endpoints.declare(
            declarations, asOf: statement, mayConfirm: declarations.contains(where: canServe), at: now)
        if let source = options.discovery, let due = endpoints.confirmationDue {
            for question in source.deciding(in: names) { names.confirm(question, by: due) }
        }
        return changes.flatMap { carryOut($0, at: now) }
    }

    /// Whether an endpoint that is declared is known, can be dialed, and is good as far as we know. While that is true of none,
    /// those that were declared before are the last that may work: an answer does not make us give them up.
    private func canServe(_ declaration: EndpointDeclaration) -> Bool {
        guard let id = endpoints[declaration.key]?.id, !newcomers.contains(id), let health = health[id] else {
            return false
        }
        return health.isGood && !health.addresses.isEmpty
    }

    mutating func carryOut(_ change: EndpointSet.Change, at now: Instant) -> [Action] {
        switch change {
        case .added(let id):
            if health[id] == nil {  // else it was inherited
                let options = endpoints[id].map { ladderOptions(for: $0.declaration) } ?? ProbeLadder.Options()
                health[id] = EndpointHealth(options, measuresDials: self.options.policy == .fastest)
            }
            newcomers.declared(id, at: now)
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
            verification[member.id] = nil
            let key = member.declaration.key
            drains[key] = nil
            expectLatecomers([member.id], at: now)
            return [.resetSessions(member.id, .removed)] + removeFormerPlaces(of: key, at: now)
                + [.tell(.endpointRemoved(key))]
        }
    }

    func ladderOptions(for declaration: EndpointDeclaration) -> ProbeLadder.Options {
        ProbeLadder.Options(
            check: options.healthCheck, hasTLSFiles: options.hasTLSFiles, speaksTLS: declaration.speaksTLS)
    }

    /// The questions that the endpoints known now need answered for ever.
    var questions: Set<Question> {
        var questions = options.discovery?.questions ?? []
        for member in endpoints.all {
            for family in AddressFamily.allCases {
                if let question = member.declaration.key.host.question(family) { questions.insert(question) }
            }
        }
        return questions
    }

    /// Asks those questions, and no other.
    mutating func endpointsChanged(at now: Instant) -> [Action] {
        let questions = questions
        names.watch(questions, at: now)
        told.failing.formIntersection(questions.map(\.name))
        return readAddresses(at: now)
    }
}

// Addresses.
extension ControlMachine {
    /// How many addresses one endpoint may have; more are cut (design: DNS answers are bounded).
    static let addressesAtMost = 16

    /// Brings the addresses of all endpoints in line with names, interfaces and listeners.
    mutating func readAddresses(at now: Instant) -> [Action] {
        var actions: [Action] = []
        var loops: Set<SocketAddress> = []
        for member in endpoints.all {
            let key = member.declaration.key
            let all = resolved(key.host).prefix(Self.addressesAtMost).map { SocketAddress(ip: $0, port: key.port) }
            for address in all where loopGuard.isLoop(address) && loops.insert(address).inserted {
                if !told.loops.contains(address) { actions.append(.tell(.loopAvoided(key, address))) }
            }
            // One that drains is not dialed any more, so nobody needs to look after it either.
            let isDialed = if case .draining = member.presence { false } else { true }
            let candidates = isDialed ? reachable(all.filter { !loops.contains($0) }) : []
            let addresses = proven(candidates, of: member, at: now)
            health[follow(member, to: addresses, at: now)]?.addressesKnown(addresses, at: now)
        }
        told.loops = loops
        saving.isStale = true
        return actions
    }

    /// Without addresses of a family that this machine has none of, where that leaves any.
    private func reachable(_ addresses: [SocketAddress]) -> [SocketAddress] {
        let reachable = addresses.filter { loopGuard.canReach($0.ip) }
        return reachable.isEmpty ? addresses : reachable
    }

    /// Both families' addresses. Where one family says "none" while the other has some, none is what counts; else the last
    /// good answer of each stays.
    func resolved(_ host: Host) -> [IPAddress] {
        if case .address(let ip) = host { return [ip] }
        let entries = entries(of: host)
        let positive = entries.filter { !$0.isNegative && $0.good != nil }
        let known = (positive.isEmpty ? entries : positive).flatMap { entry -> [IPAddress] in
            guard case .addresses(let addresses, _) = entry.good else { return [] }
            return addresses
        }
        return known.isEmpty ? (remembered ?? rememberedAddresses)?.addresses(of: host) ?? [] : known
    }

    /// What is known of a host's addresses, by family.
    func entries(of host: Host) -> [NameWatch.Entry] {
        AddressFamily.allCases.compactMap { family in host.question(family).flatMap { names[$0] } }
    }

    /// Whether an endpoint's addresses are not known yet, but may be in a moment.
    func isAwaited(_ id: EndpointID) -> Bool {
        guard let member = endpoints[id], health[id]?.addresses.isEmpty == true else { return false }
        return entries(of: member.declaration.key.host).contains { !$0.isTried }
    }
}

extension Host {
    /// What to ask for the addresses of a name; an address needs no question.
    func question(_ family: AddressFamily) -> Question? {
        if case .name(let name) = self { .addresses(name, family) } else { nil }
    }
}
