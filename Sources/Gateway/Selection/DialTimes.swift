/// How long the last few dials of an endpoint took, for `fastest`. Dials of probes alone are counted: all endpoints are
/// measured by the same means then, those without sessions too.
package struct DialTimes: Equatable, Sendable {
    /// Of so many the median counts: two slow ones in a row, such as a lost packet, change nothing.
    static let kept = 5
    /// The next probe measures again when the last measurement is so old.
    static let lasts = Duration.seconds(20)
    /// Another endpoint is preferred when it needs at most this part of the time, …
    static let clearlyFasterPercent = 70
    /// … and saves at least so much: dials inside one machine room differ by less for no reason.
    static let clearlyFasterBy = Duration.microseconds(200)

    private var last: [Duration] = []
    private(set) var measuredAt: Instant?

    mutating func add(_ time: Duration, at now: Instant) {
        last.append(time)
        if last.count > Self.kept { last.removeFirst() }
        measuredAt = now
    }

    /// The median; of an even number the lower one in the middle. `nil` before the first.
    var usual: Duration? {
        last.isEmpty ? nil : last.sorted()[(last.count - 1) / 2]
    }

    /// Whether it is time to measure.
    func isStale(at now: Instant) -> Bool {
        measuredAt.map { now - $0 >= Self.lasts } ?? true
    }

    /// Whether the difference is worth a move.
    package static func isClearlyFaster(_ time: Duration, than other: Duration) -> Bool {
        time * 100 <= other * clearlyFasterPercent && other - time >= clearlyFasterBy
    }
}
