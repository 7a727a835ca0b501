/// How the endpoint of a new session is chosen among the usable ones of the best priority tier.
public enum Policy: String, CaseIterable, Sendable {
    /// One endpoint, picked at random, serves all sessions until it fails. The default.
    case pinned
    /// Each in turn, by equal shares.
    case roundRobin = "round-robin"
    /// By shares that follow the weights (RFC 2782).
    case weighted
    /// The one with the fewest open sessions.
    case leastSessions = "least-sessions"
    /// The one that is dialed in the shortest time serves all, until another one is clearly faster.
    case fastest

    /// Whether one endpoint serves all sessions.
    public var isOneForAll: Bool { self == .pinned || self == .fastest }
}
