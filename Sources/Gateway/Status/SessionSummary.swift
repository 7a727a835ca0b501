/// One live session.
public struct SessionSummary: Equatable, Sendable {
    /// What it is doing.
    public enum State: String, CaseIterable, Sendable {
        /// Not joined yet: an endpoint is dialed, or the client is held.
        case dialing
        /// Bytes may flow in both directions.
        case open
        /// The client has sent its last byte, the endpoint has not.
        case clientDone = "client done"
        /// The endpoint has sent its last byte, the client has not.
        case endpointDone = "endpoint done"
    }

    /// Its number in its loop.
    public var number: UInt64
    /// The loop that owns it.
    public var loop: Int
    /// The client's address; `unix` for one that came through a unix socket.
    public var client: String
    /// The endpoint it is joined to; empty while there is none.
    public var endpoint: String
    /// What it is doing.
    public var state: State
    /// Since accept.
    public var age: Duration
    /// Since the last byte in either direction; `nil` where the kernel does not say.
    public var idle: Duration?
    /// Bytes delivered to the endpoint.
    public var bytesUp: UInt64
    /// Bytes delivered to the client.
    public var bytesDown: UInt64

    /// All of it.
    public init(
        number: UInt64, loop: Int, client: String, endpoint: String, state: State, age: Duration, idle: Duration?,
        bytesUp: UInt64, bytesDown: UInt64
    ) {
        self.number = number
        self.loop = loop
        self.client = client
        self.endpoint = endpoint
        self.state = state
        self.age = age
        self.idle = idle
        self.bytesUp = bytesUp
        self.bytesDown = bytesDown
    }
}

/// By what sessions are sorted: the most remarkable first.
public enum SessionOrder: String, CaseIterable, Sendable {
    case age, idle, bytes, up, down, client, endpoint

    /// Whether one stands before another.
    public func isBefore(_ left: SessionSummary, _ right: SessionSummary) -> Bool {
        switch self {
        case .age: left.age > right.age
        case .idle: (left.idle ?? .zero) > (right.idle ?? .zero)
        case .bytes: left.bytesUp &+ left.bytesDown > right.bytesUp &+ right.bytesDown
        case .up: left.bytesUp > right.bytesUp
        case .down: left.bytesDown > right.bytesDown
        case .client: left.client < right.client
        case .endpoint: (left.endpoint, left.client) < (right.endpoint, right.client)
        }
    }
}

/// Live sessions, as many as were asked for.
public struct SessionList: Equatable, Sendable {
    /// So many are given at most.
    public static let atMost = 10_000
    /// So many are given where nobody says how many.
    public static let usually = 1000

    /// How many there are in all.
    public var total: Int
    /// Those that are shown.
    public var sessions: [SessionSummary]

    /// The first `limit` of all sessions in this order.
    public init(_ all: [SessionSummary], by order: SessionOrder, limit: Int) {
        total = all.count
        sessions = Array(all.sorted(by: order.isBefore).prefix(limit))
    }
}

extension SessionList {
    /// `{"schema":1,"total":…,"sessions":[…]}`
    public var json: JSON {
        .members([
            "schema": .integer(GatewayStatus.schema), "total": .integer(total),
            "sessions": .array(sessions.map(\.json)),
        ])
    }

    /// Reads ``json``.
    public init?(_ json: JSON) {
        guard json["schema"]?.integer() == GatewayStatus.schema, let items = json["sessions"]?.items else { return nil }
        sessions = items.compactMap { SessionSummary($0) }
        total = json["total"]?.integer() ?? sessions.count
    }
}

extension SessionSummary {
    fileprivate var json: JSON {
        .members([
            "session": .integer(number), "loop": .integer(loop), "client": .string(client),
            "endpoint": .string(endpoint), "state": .string(state.rawValue), "age_seconds": .seconds(age),
            "idle_seconds": .orNull(idle), "bytes_up": .integer(bytesUp), "bytes_down": .integer(bytesDown),
        ])
    }

    fileprivate init?(_ json: JSON) {
        guard let state = json["state"]?.text.flatMap({ State(rawValue: $0) }) else { return nil }
        self.init(
            number: json["session"]?.integer() ?? 0, loop: json["loop"]?.integer() ?? 0,
            client: json["client"]?.text ?? "", endpoint: json["endpoint"]?.text ?? "", state: state,
            age: json["age_seconds"]?.duration ?? .zero, idle: json["idle_seconds"]?.duration,
            bytesUp: json["bytes_up"]?.integer() ?? 0, bytesDown: json["bytes_down"]?.integer() ?? 0)
    }
}
