/// What a probe asks of an endpoint, ordered by the strength of its evidence: the weakest first.
public enum ProbeKind: String, CaseIterable, Comparable, Sendable {
    /// Connects and closes. The kernel answers for a process that hangs.
    case tcp
    /// Sends a ClientHello: any TLS record back proves that the process runs. Needs no credentials.
    case tls
    /// Asks for `/health` without encryption: tells whether the member has a leader, reads, and votes.
    case http
    /// The same through TLS, with a client certificate where the members want one.
    case https

    /// Weaker is less.
    public static func < (left: ProbeKind, right: ProbeKind) -> Bool { left.strength < right.strength }

    private var strength: Int {
        switch self {
        case .tcp: 0
        case .tls: 1
        case .http: 2
        case .https: 3
        }
    }
}

/// `--health-check`: which kind of probe is used.
public enum HealthCheck: String, CaseIterable, Sendable {
    /// For each endpoint the strongest kind that has ever worked on it.
    case auto
    case tcp, tls, http, https

    /// The only kind to use; `nil` for ``auto``.
    public var fixedKind: ProbeKind? { ProbeKind(rawValue: rawValue) }
}
