/// Keeps an endpoint that goes up and down all the time from filling the log: of each endpoint a few lines a minute are
/// written at once, and of the others the last one when the minute is over, with the number of those that were not. So the
/// last line about an endpoint always says how it is.
public struct NoticePace: Equatable, Sendable {
    /// A line to be written.
    public struct Line: Equatable, Sendable {
        /// What it says.
        public var notice: Notice
        /// How many lines about this endpoint were left out before it.
        public var suppressed = 0
    }

    private struct Window: Equatable {
        let end: Instant
        var lines = 1
        var suppressed = 0
        var last: Notice?
    }

    /// So long is a window.
    static let window = Duration.seconds(60)
    /// So many lines of an endpoint are written at once in that time: two times down and up.
    static let linesAtOnce = 4

    private var windows: [EndpointKey: Window] = [:]

    /// Nothing was written yet.
    public init() {}

    /// Something is to be told. Returns the line that is to be written now, if any.
    public mutating func told(_ notice: Notice, at now: Instant) -> Line? {
        guard let key = notice.flapping else { return Line(notice: notice) }
        guard let window = windows[key] else {
            windows[key] = Window(end: now + Self.window)
            return Line(notice: notice)
        }
        windows[key]?.lines += 1
        guard window.lines >= Self.linesAtOnce else { return Line(notice: notice) }
        windows[key]?.suppressed += window.last == nil ? 0 : 1
        windows[key]?.last = notice
        return nil
    }

    /// When ``timePassed(_:)`` must be called.
    public var nextDue: Instant? { windows.values.map(\.end).min() }

    /// The lines that were kept and are to be written now.
    public mutating func timePassed(_ now: Instant) -> [Line] {
        let over = windows.filter { $0.value.end <= now }
        let keys = over.keys.sorted { $0.description < $1.description }
        return keys.compactMap { key in
            windows[key] = nil
            guard let window = over[key], let last = window.last else { return nil }
            windows[key] = Window(end: now + Self.window)
            return Line(notice: last, suppressed: window.suppressed)
        }
    }
}

extension Notice {
    /// The endpoint of which this may be told again and again.
    fileprivate var flapping: EndpointKey? {
        switch self {
        case .endpointDown(let key, _), .endpointUp(let key): key
        default: nil
        }
    }
}
