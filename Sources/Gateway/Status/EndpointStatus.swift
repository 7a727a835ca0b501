/// How one endpoint is doing.
public struct EndpointStatus: Equatable, Sendable {
    /// Where it stands, in one word.
    public enum State: String, CaseIterable, Sendable {
        /// Nothing is known of it yet, which is as good as good.
        case untried
        /// The last dial or probe worked.
        case good
        /// Something failed: it gets no new session while others are good.
        case down
        /// It has no address that may be dialed.
        case unresolved
        /// DNS names it no more; a later answer must confirm that.
        case missing
        /// Its removal is confirmed: its sessions end.
        case draining

        /// Whether new sessions may go there.
        public var isGood: Bool { self == .good || self == .untried }
    }

    /// What it does for new sessions.
    public enum Role: String, CaseIterable, Sendable {
        /// They go there.
        case serving
        /// They would, if those that serve failed.
        case standby
        /// They do not.
        case out
    }

    /// Its host and port.
    public var name: String
    /// Where that is: its addresses, in the order in which they are dialed.
    public var addresses: [String]
    /// Who says that it exists: `configured`, `discovered`, `discovered without TLS`.
    public var origin: String
    /// Its tier: a higher number serves only when nobody of a lower one can.
    public var priority: UInt16
    /// Its share in its tier.
    public var weight: UInt16
    /// Where it stands.
    public var state: State
    /// What it does for new sessions.
    public var role: Role
    /// Why it stands there, in words; empty where the state says it all.
    public var reason: String
    /// For how long it has stood there; `nil` where that is not known.
    public var age: Duration?
    /// Its sessions now.
    public var sessions: UInt64
    /// Bytes delivered to it.
    public var bytesUp: UInt64
    /// Bytes delivered to clients.
    public var bytesDown: UInt64
    /// Dials of clients that worked.
    public var dialsOpened: UInt64
    /// Dials of clients that failed.
    public var dialsFailed: UInt64
    /// How long a dial took last.
    public var dialTime: Duration?
    /// The last trouble with it, which may be over.
    public var lastError: String?
    /// How long ago that was.
    public var lastErrorAge: Duration?
    /// What a probe asks of it: `tcp`, `tls`, `http`, `https`.
    public var probe: String
    /// When the next probe begins; `nil` while one is under way, or none is planned.
    public var nextProbe: Duration?
    /// Whether one is under way.
    public var isProbing: Bool
    /// For how long bytes that it was sent have been unanswered.
    public var unanswered: Duration?
}

extension EndpointStatus {
    /// The object of the JSON form.
    var json: JSON {
        .members([
            "endpoint": .string(name), "addresses": .strings(addresses), "origin": .string(origin),
            "priority": .integer(priority), "weight": .integer(weight), "state": .string(state.rawValue),
            "role": .string(role.rawValue), "reason": .string(reason), "state_seconds": .orNull(age),
            "sessions": .integer(sessions), "bytes_up": .integer(bytesUp), "bytes_down": .integer(bytesDown),
            "dials_opened": .integer(dialsOpened), "dials_failed": .integer(dialsFailed),
            "dial_seconds": .orNull(dialTime), "last_error": lastError.map { .string($0) } ?? .null,
            "last_error_age_seconds": .orNull(lastErrorAge), "probe": .string(probe),
            "next_probe_seconds": .orNull(nextProbe), "probing": .bool(isProbing),
            "unanswered_seconds": .orNull(unanswered),
        ])
    }

    /// Reads ``json``; `nil` without a name and a state that we know.
    init?(_ json: JSON) {
        guard let name = json["endpoint"]?.text, let state = json["state"]?.text.flatMap({ State(rawValue: $0) }) else {
            return nil
        }
        self.init(
            name: name, addresses: json["addresses"]?.items?.compactMap(\.text) ?? [],
            origin: json["origin"]?.text ?? "", priority: json["priority"]?.integer() ?? 0,
            weight: json["weight"]?.integer() ?? 0, state: state,
            role: json["role"]?.text.flatMap { Role(rawValue: $0) } ?? .out, reason: json["reason"]?.text ?? "",
            age: json["state_seconds"]?.duration, sessions: json["sessions"]?.integer() ?? 0,
            bytesUp: json["bytes_up"]?.integer() ?? 0, bytesDown: json["bytes_down"]?.integer() ?? 0,
            dialsOpened: json["dials_opened"]?.integer() ?? 0, dialsFailed: json["dials_failed"]?.integer() ?? 0,
            dialTime: json["dial_seconds"]?.duration, lastError: json["last_error"]?.text,
            lastErrorAge: json["last_error_age_seconds"]?.duration, probe: json["probe"]?.text ?? "",
            nextProbe: json["next_probe_seconds"]?.duration, isProbing: json["probing"]?.boolean ?? false,
            unanswered: json["unanswered_seconds"]?.duration)
    }
}

extension JSON {
    /// Seconds, or nothing.
    static func orNull(_ duration: Duration?) -> JSON { duration.map { .seconds($0) } ?? .null }
}
