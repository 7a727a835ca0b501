/// A notice in words: a line of the log, or one of the recent events.
public struct NoticeLine: Hashable, Sendable {
    /// How much it matters.
    public var level: LogLevel
    /// What happened; the same words each time.
    public var message: String
    /// To whom, and what else there is to know.
    public var fields: [JSON.Member]

    /// A line of these parts.
    public init(_ level: LogLevel, _ message: String, _ fields: KeyValuePairs<String, JSON> = [:]) {
        self.level = level
        self.message = message
        self.fields = fields.map { JSON.Member($0.key, $0.value) }
    }
}

extension Notice {
    /// The words. Where `etcd gateway` has a message for the same thing, its words and keys are kept. docs/logs.md explains
    /// every message.
    public var line: NoticeLine {
        switch self {
        case .endpointAdded(let key): NoticeLine(.info, "endpoint known", ["address": key.json])
        case .endpointMissing(let key):
            NoticeLine(
                .warning, "endpoint no longer listed; it gets no new session while others are left",
                ["address": key.json])
        case .endpointDraining(let key, let grace):
            NoticeLine(
                .warning, "endpoint removed; its sessions end",
                ["address": key.json, "grace": .string(grace.goText)])
        case .endpointRemoved(let key): NoticeLine(.info, "endpoint forgotten", ["address": key.json])
        case .endpointTakenOut(let key, let grace):
            NoticeLine(
                .warning, "endpoint is out of service; it gets no new session while another is good, its sessions end",
                ["address": key.json, "grace": .string(grace.goText)])
        case .endpointPutBack(let key): NoticeLine(.info, "endpoint is in service again", ["address": key.json])
        case .lastOneServes(let key):
            NoticeLine(
                .warning, "endpoint is out of service but serves, for no other is good", ["address": key.json])
        case .endpointDown(let key, let trouble):
            NoticeLine(.warning, "deactivated endpoint", ["address": key.json, "error": .string(trouble.words)])
        case .endpointUp(let key): NoticeLine(.info, "activated", ["address": key.json])
        case .pinned(let key): NoticeLine(.info, "new sessions go to", ["address": key.json])
        case .rebalancing(let key, let perMinute):
            NoticeLine(
                .info, "sessions belong elsewhere and are reset, a few at a time",
                ["address": key.json, "per_minute": .integer(perMinute)])
        case .rebalanced(let moved):
            NoticeLine(.info, "sessions are where they belong", ["moved": .integer(moved)])
        case .nobodyLeft: NoticeLine(.error, "no endpoint answers; clients are held, every endpoint is tried")
        case .somebodyBack: NoticeLine(.info, "an endpoint answers again")
        case .discoveryFailing(let name, let reason):
            NoticeLine(
                .warning, "DNS gives no usable answer; what was known stays",
                ["name": .string(name), "error": .string(reason)])
        case .discoveryRecovered(let name): NoticeLine(.info, "DNS answers again", ["name": .string(name)])
        case .discoveryIsPlain(let name):
            NoticeLine(
                .warning, "discovered endpoints are not authenticated: only records for connections without TLS exist",
                ["name": .string(name)])
        case .usingRememberedEndpoints: NoticeLine(.info, "until DNS answers, the endpoints of the last run serve")
        case .usingConfiguredEndpoints: NoticeLine(.warning, "DNS names no endpoint; the configured endpoints serve")
        case .endpointVerified(let key, let address):
            NoticeLine(.info, "discovered endpoint has shown a valid certificate", Self.fields(key, address))
        case .endpointRefused(let key, let address, let reason):
            NoticeLine(
                .error, "discovered endpoint refused: it has shown a wrong certificate",
                ["endpoint": key.json, "address": .string("\(address)"), "error": .string(reason)])
        case .endpointUnverified(let key, let address, let failure):
            NoticeLine(
                .warning, "discovered endpoint is unverified, retrying",
                ["endpoint": key.json, "address": .string("\(address)"), "error": .string(failure.words)])
        case .loopAvoided(let key, let address):
            NoticeLine(
                .error, "endpoint leads back to the gateway itself; it is never dialed", Self.fields(key, address))
        }
    }

    private static func fields(_ key: EndpointKey, _ address: SocketAddress) -> KeyValuePairs<String, JSON> {
        ["endpoint": key.json, "address": .string("\(address)")]
    }
}

extension EndpointKey {
    fileprivate var json: JSON { .string(description) }
}

extension EndpointTrouble {
    /// A few words: `connection refused`, `unhealthy: no leader`.
    public var words: String {
        switch self {
        case .silent(let failure): failure.words
        case .unhealthy(let reason): "unhealthy: \(reason)"
        }
    }
}

extension DialFailure {
    /// A few words.
    public var words: String {
        switch self {
        case .refused: "connection refused"
        case .unreachable: "unreachable"
        case .timedOut: "no answer in time"
        case .local: "this machine ran short of something"
        }
    }
}
