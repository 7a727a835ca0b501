/// What the SRV records of a discovery domain say about endpoints.
public struct DiscoverySource: Equatable, Sendable {
    /// Where the records are: `example.com`.
    public let domain: String
    /// The question for the ssl service.
    public var tls: Question
    /// The question for the plain service.
    public var plain: Question
    /// Plain records count beside ssl ones.
    public var isInsecure: Bool
    /// Plain records do not count at all, for nothing could authenticate them.
    public var requiresTLS: Bool

    /// The source for a domain.
    ///
    /// - Parameters:
    ///   - domain: Where the records are: `example.com`.
    ///   - suffix: Tells clusters of one domain apart (`--discovery-srv-name`).
    public init(domain: String, suffix: String?, isInsecure: Bool, requiresTLS: Bool) {
        self.domain = domain
        let names = ServiceName.all(domain: domain, suffix: suffix)
        let name = { (isSecure: Bool) in
            guard let name = names.first(where: { $0.isSecure == isSecure }) else {
                preconditionFailure("a domain has a name for either service")
            }
            return Question.services(name.text)
        }
        self.tls = name(true)
        self.plain = name(false)
        self.isInsecure = isInsecure
        self.requiresTLS = requiresTLS && !isInsecure
    }

    /// The questions to keep asking.
    public var questions: Set<Question> { requiresTLS ? [tls] : [tls, plain] }

    /// So many failures in a row of the ssl question alone count as "there are none": else an attacker, or a name server
    /// that answers SERVFAIL for what it does not know, decides whether plain records are used.
    public static let failuresThatCountAsNone = 3

    /// The endpoints by the last good answers: those of the ssl service where it has any; plain ones beside or instead.
    /// `nil` while it is not known yet which of the two counts.
    public func declarations(from names: NameWatch) -> [EndpointDeclaration]? {
        let secure = usable(tls, in: names)
        guard isInsecure || (secure.isEmpty && !requiresTLS) else { return secure }
        guard !secure.isEmpty || isSettled(tls, in: names) else { return nil }
        return secure + usable(plain, in: names)
    }

    /// The questions whose last answers make up ``declarations(from:)``.
    public func deciding(in names: NameWatch) -> [Question] {
        let isSecure = !usable(tls, in: names).isEmpty
        let countsPlain = isInsecure || (!isSecure && !requiresTLS)
        let counting = (isSecure ? [tls] : []) + (countsPlain && !usable(plain, in: names).isEmpty ? [plain] : [])
        return isInsecure && counting.count == 1 ? [tls, plain].filter { names[$0]?.good != nil } : counting
    }

    /// Since when all of them have said what they say now.
    func statement(in names: NameWatch) -> Instant? {
        deciding(in: names).compactMap { question in
            isGone(question, in: names) ? names[question]?.answeredAt : names[question]?.goodAt
        }.min()
    }

    /// Whether all questions were tried and none has ever given a record that can be used.
    public func hasNothing(in names: NameWatch) -> Bool {
        questions.allSatisfy { question in
            guard let entry = names[question] else { return false }
            return entry.isTried && usable(question, in: names).isEmpty
        }
    }

    private func isSettled(_ question: Question, in names: NameWatch) -> Bool {
        guard let entry = names[question] else { return true }
        return entry.good != nil || entry.isNegative || entry.failures >= Self.failuresThatCountAsNone
    }

    private func usable(_ question: Question, in names: NameWatch) -> [EndpointDeclaration] {
        guard case .services(let records, _) = names[question]?.good, !isGone(question, in: names) else { return [] }
        return records.compactMap { declaration($0, origin: question == tls ? .discoveredTLS : .discoveredPlain) }
    }

    /// Where both services count, one that has no records any more has none, while the other has some. Else the last good
    /// ones stay: "there is none" for ssl must not be enough to make us use the plain ones.
    func isGone(_ question: Question, in names: NameWatch) -> Bool {
        guard isInsecure, names[question]?.isNegative == true else { return false }
        return names[question == tls ? plain : tls].map { $0.good != nil && !$0.isNegative } ?? false
    }

    /// An SRV target is absolute, so no search list applies to it. The root as a target says "not here" (RFC 2782).
    private func declaration(
        _ record: ServiceRecord, origin: EndpointDeclaration.Origin
    ) -> EndpointDeclaration? {
        let target = record.target.utf8.last == UInt8(ascii: ".") ? String(record.target.dropLast()) : record.target
        guard !record.isUnavailable, record.port != 0, let host = Host(target) else { return nil }
        let absolute: Host = if case .name(let name) = host { .name(name + ".") } else { host }
        return EndpointDeclaration(
            key: EndpointKey(host: absolute, port: record.port), priority: record.priority, weight: record.weight,
            origin: origin, speaksTLS: origin == .discoveredTLS)
    }
}
