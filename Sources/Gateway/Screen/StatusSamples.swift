/// What `status` has seen of a gateway since it was started: from two looks follow the bytes per second.
public struct StatusSamples: Sendable {
    private static let kept = 120

    /// One look.
    private struct Sample {
        var time: WallTime
        var up: UInt64
        var down: UInt64
        var sessions: UInt64
    }

    private var samples: [Sample] = []

    /// Nothing seen yet.
    public init() {}

    /// Another look. Figures that have become less are those of another process: what was seen before is forgotten.
    public mutating func add(_ status: GatewayStatus) {
        let traffic = status.traffic
        let isAnother = samples.last.map { $0.up > traffic.bytesUp || $0.down > traffic.bytesDown } ?? false
        if isAnother { samples = [] }
        samples.append(
            Sample(time: status.time, up: traffic.bytesUp, down: traffic.bytesDown, sessions: traffic.sessions))
        if samples.count > Self.kept { samples.removeFirst() }
    }

    /// Bytes per second between one look and the next.
    var rates: [(up: UInt64, down: UInt64)] {
        zip(samples, samples.dropFirst()).map { earlier, later in
            let milliseconds = UInt64(clamping: max(1, later.time.milliseconds - earlier.time.milliseconds))
            let perSecond = { (bytes: UInt64) in bytes.multipliedReportingOverflow(by: 1000).partialValue / milliseconds
            }
            return (perSecond(later.up - earlier.up), perSecond(later.down - earlier.down))
        }
    }

    /// Sessions at each look.
    var sessions: [UInt64] { samples.map(\.sessions) }
}
