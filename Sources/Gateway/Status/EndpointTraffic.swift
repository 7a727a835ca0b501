/// What the loops have counted of one endpoint since the process started.
public struct EndpointTraffic: Equatable, Sendable {
    /// Sessions that are joined to it now.
    public var sessions: UInt64 = 0
    /// Bytes delivered to it.
    public var bytesUp: UInt64 = 0
    /// Bytes delivered to clients.
    public var bytesDown: UInt64 = 0
    /// Dials by clients, by how they ended.
    public var dials: [DialResult: UInt64] = [:]
    /// How long the dials that worked took.
    public var dialTimes = Histogram(bounds: Histogram.dialBounds)
    /// Since when bytes that it was sent are unanswered; `nil` where none are.
    public var unansweredSince: Instant?

    /// Nothing yet.
    public init() {}

    /// Adds what somebody else has counted of the same endpoint.
    public mutating func add(_ other: EndpointTraffic) {
        sessions += other.sessions
        bytesUp += other.bytesUp
        bytesDown += other.bytesDown
        dials.merge(other.dials, uniquingKeysWith: +)
        dialTimes.add(other.dialTimes)
        if let since = other.unansweredSince { unansweredSince = min(unansweredSince ?? since, since) }
    }

    /// Takes away what was counted before, of what only grows.
    public mutating func subtract(_ earlier: EndpointTraffic) {
        bytesUp -= min(bytesUp, earlier.bytesUp)
        bytesDown -= min(bytesDown, earlier.bytesDown)
        for (result, count) in earlier.dials { dials[result] = (dials[result] ?? 0) - min(dials[result] ?? 0, count) }
        dialTimes.subtract(earlier.dialTimes)
    }

    /// What stays counted after the sessions are gone.
    public var withoutPresent: EndpointTraffic {
        var rest = self
        (rest.sessions, rest.unansweredSince) = (0, nil)
        return rest
    }
}

/// How a client's dial of an endpoint ended, as a metric's label.
public enum DialResult: String, CaseIterable, Sendable {
    case opened, refused, unreachable, timedOut = "timed_out", shortage

    /// A failed one.
    public init(_ failure: DialFailure) {
        switch failure {
        case .refused: self = .refused
        case .unreachable: self = .unreachable
        case .timedOut: self = .timedOut
        case .local: self = .shortage
        }
    }
}
