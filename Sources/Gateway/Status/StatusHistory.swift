/// What the status tells of the past: the last changes, the last trouble of each endpoint, and how often endpoints failed.
public struct StatusHistory: Sendable {
    /// So many events are kept.
    public static let eventsAtMost = 20

    /// Why an endpoint was last believed bad.
    public struct LastError: Equatable, Sendable {
        /// In a few words.
        public var text: String
        /// When that was found.
        public var at: Instant
    }

    /// The last events, the oldest first.
    public private(set) var events: [StatusEvent] = []
    /// The last trouble of each endpoint that is known.
    public private(set) var lastErrors: [EndpointKey: LastError] = [:]
    /// How often an endpoint ceased to get new sessions because it failed, by reason.
    public private(set) var failovers = Tally<FailoverReason>()

    /// Nothing has happened yet.
    public init() {}

    /// Something was told.
    public mutating func told(_ notice: Notice, at now: Instant, time: WallTime) {
        events.append(StatusEvent(time: time, line: notice.line))
        if events.count > Self.eventsAtMost { events.removeFirst() }
        switch notice {
        case .endpointDown(let key, let trouble):
            lastErrors[key] = LastError(text: trouble.words, at: now)
            failovers.count(FailoverReason(trouble))
        case .endpointRefused(let key, _, let reason):
            lastErrors[key] = LastError(text: "wrong certificate: \(reason)", at: now)
        case .endpointRemoved(let key):
            lastErrors[key] = nil
        default: break  // no other notice is about an endpoint's failing
        }
    }
}

/// Why an endpoint ceased to get new sessions, as a metric's label.
public enum FailoverReason: String, CaseIterable, Sendable {
    case refused, unreachable, timedOut = "timed_out", shortage, unhealthy

    init(_ trouble: EndpointTrouble) {
        switch trouble {
        case .silent(.refused): self = .refused
        case .silent(.unreachable): self = .unreachable
        case .silent(.timedOut): self = .timedOut
        case .silent(.local): self = .shortage
        case .unhealthy: self = .unhealthy
        }
    }
}

/// How often each of a few things has happened.
public struct Tally<Thing: Hashable & Sendable>: Equatable, Sendable {
    private var counts: [Thing: UInt64] = [:]

    /// Nothing has happened.
    public init() {}

    /// It happened once more.
    public mutating func count(_ thing: Thing) { counts[thing, default: 0] += 1 }

    /// It happened so often elsewhere.
    public mutating func count(_ thing: Thing, times: UInt64) { if times > 0 { counts[thing, default: 0] += times } }

    /// How often it has happened.
    public subscript(thing: Thing) -> UInt64 { counts[thing] ?? 0 }

    /// Everything that has happened.
    public var things: Dictionary<Thing, UInt64>.Keys { counts.keys }

    /// Forgets what is no longer of interest.
    public mutating func keep(_ isKept: (Thing) -> Bool) { counts = counts.filter { isKept($0.key) } }
}
