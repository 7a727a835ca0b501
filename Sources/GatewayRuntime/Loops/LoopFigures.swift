internal import CSplice
internal import Gateway

/// What one loop counts beside what C counts: how dials and sessions ended, and how long they took. Its thread writes, any
/// thread reads, nobody waits.
///
/// `@unchecked Sendable`: the pointer is set once, and csp_tally.h says that any thread may read.
@safe final class LoopFigures: @unchecked Sendable {
    /// Where in the tally what is counted.
    private enum Place {
        static let dialClasses = UInt32(Histogram.dialBounds.count + 1)
        static let dialSum = dialClasses
        static let dialFailures = dialSum + 1
        static let lastDial = dialFailures + 4
        static let lastDialAt = lastDial + 1
        static let endpointSize = lastDialAt + 1

        static let endpoints = EndpointSet.slots * endpointSize
        static let sessionClasses = UInt32(Histogram.sessionBounds.count + 1)
        static let sessionSum = endpoints + sessionClasses
        static let ends = sessionSum + 1
        static let pauses = ends + UInt32(EndReason.all.count)
        static let errorsMax: UInt32 = 256
        static let count = pauses + errorsMax
    }

    private let tally: OpaquePointer

    // unsafe: the tally is this object's from here to deinit, and has Place.count counters. Every index is a place
    // below that: slots are below EndpointSet.slots, C's reasons are those of EndReason, and a class of a histogram is
    // one of its own.
    init() {
        guard let tally = unsafe csp_tally_create(Place.count) else { preconditionFailure("no memory at the start") }
        unsafe self.tally = tally
    }

    deinit {
        unsafe csp_tally_destroy(tally)
    }

    // The loop's thread.

    /// A dial worked.
    func dialOpened(_ endpoint: UInt32, nanoseconds: UInt64, at now: Instant) {
        guard endpoint < EndpointSet.slots else { return }
        let start = endpoint * Place.endpointSize
        let time = Duration.nanoseconds(Int64(clamping: nanoseconds))
        add(start + UInt32(Histogram.index(of: time, in: Histogram.dialBounds)), 1)
        add(start + Place.dialSum, nanoseconds)
        unsafe csp_tally_set(tally, start + Place.lastDial, nanoseconds)
        unsafe csp_tally_set(tally, start + Place.lastDialAt, UInt64(clamping: now.nanoseconds))
    }

    /// A dial failed.
    func dialFailed(_ endpoint: EndpointID, _ failure: DialFailure) {
        add(endpoint.slot * Place.endpointSize + Place.dialFailures + failure.place, 1)
    }

    /// A session ended, joined or not.
    func ended(_ reason: csp_end_reason, nanoseconds: UInt64) {
        add(Place.ends + reason.rawValue, 1)
        let time = Duration.nanoseconds(Int64(clamping: nanoseconds))
        add(Place.endpoints + UInt32(Histogram.index(of: time, in: Histogram.sessionBounds)), 1)
        add(Place.sessionSum, nanoseconds)
    }

    /// Accepting paused.
    func acceptPaused(error: Int32) {
        add(Place.pauses + min(UInt32(clamping: error), Place.errorsMax - 1), 1)
    }

    // Any thread.

    /// Adds what was counted of an endpoint's dials.
    func add(_ endpoint: EndpointID, to traffic: inout EndpointTraffic) {
        let start = endpoint.slot * Place.endpointSize
        let dials = histogram(at: start, Histogram.dialBounds, sum: start + Place.dialSum)
        traffic.dialTimes.add(dials)
        traffic.dials[.opened, default: 0] += dials.count
        for failure in DialFailure.all {
            traffic.dials[DialResult(failure), default: 0] += read(start + Place.dialFailures + failure.place)
        }
    }

    /// How long the last dial of an endpoint took that worked, and when that was.
    func lastDial(of endpoint: EndpointID) -> (time: Duration, at: Instant)? {
        let start = endpoint.slot * Place.endpointSize
        let at = read(start + Place.lastDialAt)
        guard at > 0 else { return nil }
        let time = Duration.nanoseconds(Int64(clamping: read(start + Place.lastDial)))
        return (time, Instant(nanoseconds: Int64(clamping: at)))
    }

    /// How long sessions lasted.
    var sessionTimes: Histogram { histogram(at: Place.endpoints, Histogram.sessionBounds, sum: Place.sessionSum) }

    /// How many sessions ended for this reason.
    func ends(_ reason: csp_end_reason) -> UInt64 { read(Place.ends + reason.rawValue) }

    /// How often accepting paused, by error number.
    var acceptPauses: [(error: Int32, count: UInt64)] {
        (0..<Place.errorsMax).map { (Int32($0), read(Place.pauses + $0)) }.filter { $0.1 > 0 }
    }

    private func histogram(at start: UInt32, _ bounds: [Duration], sum: UInt32) -> Histogram {
        let counts = (0...UInt32(bounds.count)).map { read(start + $0) }
        return Histogram(bounds: bounds, counts: counts, sum: .nanoseconds(Int64(clamping: read(sum))))
    }

    private func add(_ index: UInt32, _ amount: UInt64) { unsafe csp_tally_add(tally, index, amount) }

    private func read(_ index: UInt32) -> UInt64 { unsafe csp_tally_read(tally, index) }
}

extension DialFailure {
    /// All of them, each at its place.
    fileprivate static let all: [DialFailure] = [.refused, .unreachable, .timedOut, .local]

    fileprivate var place: UInt32 {
        switch self {
        case .refused: 0
        case .unreachable: 1
        case .timedOut: 2
        case .local: 3
        }
    }
}

/// Why sessions end, for metrics.
enum EndReason {
    /// All that C knows, each at its own number; the first is none.
    static let all: [csp_end_reason] = [
        .CSP_END_NONE, .CSP_END_FINISHED, .CSP_END_CLIENT_LEFT, .CSP_END_DOWNSTREAM_RESET, .CSP_END_UPSTREAM_RESET,
        .CSP_END_DOWNSTREAM_FAILED, .CSP_END_UPSTREAM_FAILED, .CSP_END_ORDERED, .CSP_END_SHORTAGE,
    ]
}

extension csp_end_reason {
    /// A metric's label.
    var label: String {
        switch self {
        case .CSP_END_NONE: "none"
        case .CSP_END_FINISHED: "finished"
        case .CSP_END_CLIENT_LEFT: "client_left"
        case .CSP_END_DOWNSTREAM_RESET: "client_reset"
        case .CSP_END_UPSTREAM_RESET: "endpoint_reset"
        case .CSP_END_DOWNSTREAM_FAILED: "client_failed"
        case .CSP_END_UPSTREAM_FAILED: "endpoint_failed"
        case .CSP_END_ORDERED: "gateway_reset"
        case .CSP_END_SHORTAGE: "out_of_memory"
        }
    }
}
