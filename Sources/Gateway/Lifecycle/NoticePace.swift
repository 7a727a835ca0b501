/// Keeps an endpoint that comes and goes from filling the log: after a few lines in a minute it is silent about that one
/// until the minute is over.
public struct NoticePace: Equatable, Sendable {
    /// So long a line counts.
    public static let window = Duration.seconds(60)
    /// So many lines of one endpoint are written in that time.
    public static let most = 5

    /// What is to be done with a line.
    public enum Verdict: Equatable, Sendable {
        /// Write it.
        case tell
        /// Write it, and that more will not be written for a while.
        case tellAsLast
        /// Keep it back.
        case suppress
    }

    /// Lines of an endpoint that were kept back.
    public struct Silence: Equatable, Sendable {
        /// Whose.
        public var endpoint: EndpointKey
        /// How many.
        public var suppressed: Int
    }

    private struct Record: Equatable {
        var since: Instant
        var told = 0
        var suppressed = 0
    }

    private var records: [EndpointKey: Record] = [:]

    /// Nothing was told.
    public init() {}

    /// There is a line to write.
    public mutating func verdict(on notice: Notice, at now: Instant) -> Verdict {
        guard let endpoint = notice.flapping else { return .tell }
        records = records.filter { $0.value.told >= Self.most || now - $0.value.since < Self.window }
        var record = records[endpoint] ?? Record(since: now)
        defer { records[endpoint] = record }
        guard record.told < Self.most else {
            record.suppressed += 1
            return .suppress
        }
        record.told += 1
        return record.told == Self.most ? .tellAsLast : .tell
    }

    /// When the next silence is over.
    public var nextDue: Instant? {
        records.values.filter { $0.told >= Self.most }.map { $0.since + Self.window }.min()
    }

    /// The silences that are over; of those endpoints lines are written again.
    public mutating func over(at now: Instant) -> [Silence] {
        let over = records.filter { $0.value.told >= Self.most && now - $0.value.since >= Self.window }
        for endpoint in over.keys { records[endpoint] = nil }
        return over.filter { $0.value.suppressed > 0 }.map {
            Silence(endpoint: $0.key, suppressed: $0.value.suppressed)
        }
        .sorted { $0.endpoint.description < $1.endpoint.description }
    }
}

extension Notice {
    /// Whose coming and going it tells; `nil` where it tells something else.
    fileprivate var flapping: EndpointKey? {
        switch self {
        case .endpointDown(let key, _), .endpointUp(let key), .pinned(let key): key
        default: nil  // nothing else comes in floods
        }
    }
}
