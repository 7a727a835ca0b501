/// What was counted since the first of several processes that have handed over to each other: only what never becomes less.
public struct Totals: Equatable, Sendable {
    /// Numbers by name, as `accepted` or `ends/finished`. A name is one word.
    public private(set) var counts: [String: UInt64] = [:]
    /// How long sessions lasted.
    public var sessionTimes = Histogram(bounds: Histogram.sessionBounds)
    /// The traffic of endpoints, without what is present.
    public var traffic: [EndpointKey: EndpointTraffic] = [:]

    /// Nothing was counted.
    public init() {}

    /// One number; 0 is as good as none.
    public subscript(name: String) -> UInt64 {
        get { counts[name] ?? 0 }
        set { counts[name] = newValue == 0 ? nil : newValue }
    }

    /// Adds the traffic of endpoints to what was counted since. Of one that is not known now nothing is told: see
    /// ``forgotten(besides:)``.
    public func add(to traffic: inout [EndpointKey: EndpointTraffic]) {
        for (key, earlier) in self.traffic where traffic[key] != nil { traffic[key]?.add(earlier) }
    }

    /// The bytes of earlier processes that are none of these endpoints'.
    public func forgotten(besides known: [EndpointKey: EndpointTraffic]) -> (up: UInt64, down: UInt64) {
        traffic.filter { known[$0.key] == nil }.values.reduce((self[Self.forgottenUp], self[Self.forgottenDown])) {
            ($0.0 + $1.bytesUp, $0.1 + $1.bytesDown)
        }
    }

    fileprivate static let forgottenUp = "forgotten-up"
    fileprivate static let forgottenDown = "forgotten-down"
}

extension MetricsSnapshot {
    /// What is shown here and never becomes less, for the next process.
    public var totals: Totals {
        var totals = Totals()
        let own = status.traffic
        totals["accepted"] = own.accepted
        totals["opened"] = own.opened
        totals["ended"] = own.ended
        totals["dial-failures"] = own.dialFailures
        totals["accept-errors"] = own.acceptErrors
        totals["adopted"] = counts.adopted
        totals["lost"] = counts.lost
        for end in ends { totals["ends/\(end.reason)"] = end.count }
        for pause in acceptPauses { totals["pauses/\(pause.error)"] = pause.count }
        for error in acceptErrors { totals["errors/\(error.error)"] = error.count }
        for reason in failovers.things { totals["failovers/\(reason.rawValue)"] = failovers[reason] }
        for result in counts.refreshes.things { totals["refreshes/\(result.rawValue)"] = counts.refreshes[result] }
        for result in [true, false] { totals["reloads/\(result ? "ok" : "refused")"] = counts.reloads[result] }
        // What all have moved is more than what those did that are known.
        let known = traffic.values.reduce((up: UInt64(0), down: UInt64(0))) {
            ($0.up + $1.bytesUp, $0.down + $1.bytesDown)
        }
        totals[Totals.forgottenUp] = own.bytesUp - min(own.bytesUp, known.up)
        totals[Totals.forgottenDown] = own.bytesDown - min(own.bytesDown, known.down)
        totals.sessionTimes = sessionTimes
        totals.traffic = traffic.mapValues(\.withoutPresent)
        return totals
    }

    /// Adds what earlier processes have counted, but for the traffic of endpoints: see ``Totals/add(to:)``.
    public mutating func add(_ earlier: Totals) {
        for index in ends.indices { ends[index].count += earlier["ends/\(ends[index].reason)"] }
        Self.add(earlier, "pauses/", to: &acceptPauses)
        Self.add(earlier, "errors/", to: &acceptErrors)
        sessionTimes.add(earlier.sessionTimes)
        for reason in FailoverReason.allCases {
            failovers.count(reason, times: earlier["failovers/\(reason.rawValue)"])
        }
        for result in RefreshResult.allCases {
            counts.refreshes.count(result, times: earlier["refreshes/\(result.rawValue)"])
        }
        for result in [true, false] {
            counts.reloads.count(result, times: earlier["reloads/\(result ? "ok" : "refused")"])
        }
        counts.adopted += earlier["adopted"]
        counts.lost += earlier["lost"]
        status.traffic.accepted += earlier["accepted"]
        status.traffic.opened += earlier["opened"]
        status.traffic.ended += earlier["ended"]
        status.traffic.dialFailures += earlier["dial-failures"]
        status.traffic.acceptErrors += earlier["accept-errors"]
    }

    /// Errors of earlier processes, by name; one that has not happened to this one gets a place.
    private static func add(
        _ earlier: Totals, _ prefix: String, to counts: inout [(error: String, count: UInt64)]
    ) {
        for (name, count) in earlier.counts.sorted(by: { $0.key < $1.key }) where name.hasPrefix(prefix) {
            let error = String(name.dropFirst(prefix.count))
            if let place = counts.firstIndex(where: { $0.error == error }) {
                counts[place].count += count
            } else {
                counts.append((error, count))
            }
        }
    }
}
