internal import Gateway

/// Looks at what is outside of this machine: names, endpoints, certificates.
struct EndpointCheck: Sendable {
    private let settings: Settings
    private let options: ControlOptions
    private let resolver: Resolver
    private let prober: Prober
    private let verifier: TLSVerifier?
    private let loopGuard: LoopGuard

    /// All findings, in the order of the settings.
    static func run(_ settings: Settings, _ executor: EventExecutor) async -> Result<
        [CheckReport.Finding], ResolverError
    > {
        let resolver = Resolver(executor: executor, servers: settings.dnsServers)
        do throws(ResolverError) {
            try await resolver.open()
        } catch {
            return .failure(error)
        }
        let files = TLSFiles(settings)
        let prober = Prober(executor: executor, files: files)
        let check = EndpointCheck(
            settings: settings, options: ControlOptions(settings), resolver: resolver, prober: prober,
            verifier: files.authority.map(prober.verifier(authority:)),
            loopGuard: LoopGuard(listeners: settings.fixedListeners, localAddresses: LocalAddresses.read()))
        let findings = check.checkFiles(files) + (await check.checkEndpoints())
        await prober.stop()
        await resolver.close()
        return .success(findings)
    }

    private func checkFiles(_ files: TLSFiles) -> [CheckReport.Finding] {
        guard !files.isEmpty else { return [] }
        var source = TLSContextSource(files)
        do throws(TLSFilesError) {
            _ = try source.context()
            return [CheckReport.Finding(.fine, "the certificate files can be used")]
        } catch {
            return [
                CheckReport.Finding(
                    .trouble, "the certificate files cannot be used: \(error)",
                    advice: "they must be PEM, belong together, and be readable for the gateway's user")
            ]
        }
    }

    private func checkEndpoints() async -> [CheckReport.Finding] {
        var (findings, endpoints) = await discover()
        if endpoints.isEmpty {
            findings.append(
                CheckReport.Finding(
                    .trouble, "no endpoint is known",
                    advice: "name some with \(Setting.endpoints.flag), or add SRV records"))
        }
        findings += await withTaskGroup(of: (Int, [CheckReport.Finding]).self) { group in
            for (place, endpoint) in endpoints.enumerated() {
                group.addTask { (place, await check(endpoint)) }
            }
            var all: [Int: [CheckReport.Finding]] = [:]
            for await (place, some) in group { all[place] = some }
            return all.sorted { $0.key < $1.key }.flatMap(\.value)
        }
        return findings
    }

    /// The endpoints that the gateway would use, as it would find them.
    private func discover() async -> ([CheckReport.Finding], [EndpointDeclaration]) {
        guard let source = options.discovery else { return ([], options.endpoints) }
        var names = NameWatch(timing: options.names)
        var findings: [CheckReport.Finding] = []
        let now = MonotonicClock.now()
        names.watch(source.questions, at: now)
        for question in names.takeDue(at: now) {
            guard let answer = try? await resolver.answer(question) else { continue }
            Self.note(answer, to: question, in: &names, at: now)
            findings.append(CheckReport.Finding(question, answer, isNeeded: false))
        }
        let found = source.declarations(from: names) ?? []
        if !found.isEmpty { return (findings, found) }
        let fallback = options.endpointsAreDefault ? [] : options.endpoints
        findings.append(
            CheckReport.Finding(
                .trouble, "DNS names no endpoint of \(source.domain) that may be used",
                advice: fallback.isEmpty
                    ? "add SRV records \(source.tls.name), or \(source.plain.name) where there is no TLS"
                    : "the endpoints of \(Setting.endpoints.flag) serve instead"))
        return (findings, fallback)
    }

    /// Not in an asynchronous function: ThreadSanitizer does not bear the address of an empty value in one.
    private static func note(_ answer: Answer, to question: Question, in names: inout NameWatch, at now: Instant) {
        var generator = SystemRandomNumberGenerator()
        _ = names.answered(question, answer, at: now, using: &generator)
    }

    private func check(_ endpoint: EndpointDeclaration) async -> [CheckReport.Finding] {
        let (findings, addresses) = await resolve(endpoint)
        var all = findings
        for address in addresses {
            guard !loopGuard.isLoop(address) else {
                all.append(
                    CheckReport.Finding(
                        .trouble,
                        "\(endpoint.key) is \(address), where this gateway itself listens; it is never dialed",
                        advice: "name a member of the cluster, or let \(Setting.listenAddresses.flag) be another port"))
                continue
            }
            all += await check(endpoint, at: address)
        }
        return all
    }

    private func resolve(_ endpoint: EndpointDeclaration) async -> ([CheckReport.Finding], [SocketAddress]) {
        guard case .name(let name) = endpoint.key.host else {
            if case .address(let ip) = endpoint.key.host {
                return ([], [SocketAddress(ip: ip, port: endpoint.key.port)])
            }
            return ([], [])
        }
        var (findings, addresses): ([CheckReport.Finding], [IPAddress]) = ([], [])
        var answers: [(Question, Answer)] = []
        for family in AddressFamily.allCases {
            let question = Question.addresses(name, family)
            guard let answer = try? await resolver.answer(question) else { continue }
            answers.append((question, answer))
            if case .addresses(let some, _) = answer { addresses += some }
        }
        // One family is enough; that the other has no records is nothing to speak of.
        for (question, answer) in answers {
            if case .nothing = answer, !addresses.isEmpty || question != answers.first?.0 { continue }
            findings.append(CheckReport.Finding(question, answer, isNeeded: addresses.isEmpty))
        }
        return (findings, addresses.map { SocketAddress(ip: $0, port: endpoint.key.port) })
    }

    private func check(_ endpoint: EndpointDeclaration, at address: SocketAddress) async -> [CheckReport.Finding] {
        var findings: [CheckReport.Finding] = []
        if let verifier, let name = options.nameToProve(endpoint) {
            let finding = await verifier.verify(address, validFor: name)
            findings.append(CheckReport.Finding("\(endpoint.key)", at: address, finding, name: name))
        }
        let (kind, outcome) = await strongest(endpoint, at: address)
        findings.append(CheckReport.Finding("\(endpoint.key)", at: address, kind, outcome))
        return findings
    }

    /// What the strongest kind of probe says that says anything: the fixed one, or what the gateway would learn in time.
    private func strongest(
        _ endpoint: EndpointDeclaration, at address: SocketAddress
    ) async -> (ProbeKind, ProbeOutcome) {
        let kind = options.healthCheck.fixedKind ?? .tcp
        let first = await probe(endpoint, at: address, kind)
        guard options.healthCheck == .auto, case .connected = first else { return (kind, first) }
        var answers: [(kind: ProbeKind, outcome: ProbeOutcome)] = []
        for kind in kindsToTry(endpoint) {
            let outcome = await probe(endpoint, at: address, kind)
            if case .http = outcome { return (kind, outcome) }
            answers.append((kind, outcome))
        }
        // Who names certificates expects that they do; else any sign of TLS will do, and what is neither was asked for HTTP.
        let secure = answers.first { $0.kind == .https } ?? answers.first { $0.outcome == .tlsAnswered }
        return secure ?? answers.first ?? (kind, first)
    }

    private func kindsToTry(_ endpoint: EndpointDeclaration) -> [ProbeKind] {
        switch endpoint.speaksTLS {
        case false: [.http]
        case true: options.hasTLSFiles ? [.https] : [.tls]
        default: [.http] + (options.hasTLSFiles ? [.https] : [.tls])
        }
    }

    private func probe(
        _ endpoint: EndpointDeclaration, at address: SocketAddress, _ kind: ProbeKind
    ) async -> ProbeOutcome {
        await prober.probe([address], host: endpoint.key.host.description, kind: kind).outcome
    }
}

extension Settings {
    /// The listeners whose address and port are written down.
    fileprivate var fixedListeners: [SocketAddress] {
        listenAddresses.compactMap { if case .ip(let address) = $0, address.port != 0 { address } else { nil } }
    }
}
