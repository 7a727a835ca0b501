extension Totals {
    /// No figure in a text is larger: sums of all that are read cannot overflow. Bytes, times, or microseconds.
    private static let largest: UInt64 = 1 << 53

    /// One line each: `count NAME N`, `times` and a histogram, `traffic HOST PORT UP DOWN` and the dials by result, `dials HOST
    /// PORT` and a histogram. A histogram is its sum in microseconds and the count of each class.
    var lines: [String] {
        let counted = counts.sorted { $0.key < $1.key }.map { "count \($0.key) \($0.value)\n" }
        let endpoints = traffic.sorted { "\($0.key)" < "\($1.key)" }.flatMap { key, traffic in
            let figures = [traffic.bytesUp, traffic.bytesDown] + DialResult.allCases.map { traffic.dials[$0] ?? 0 }
            return [
                Self.line(["traffic"] + key.words, figures),
                Self.line(["dials"] + key.words, traffic.dialTimes.figures),
            ]
        }
        return counted + [Self.line(["times"], sessionTimes.figures)] + endpoints
    }

    /// Takes a line; one that is none of these, or wrong, is passed over.
    mutating func take(_ words: [Substring]) {
        switch words.first ?? "" {
        case "count" where words.count == 3 && words[1].utf8.count <= 64:
            guard let count = Self.figures(words[2...])?.first, counts[String(words[1])] == nil else { return }
            self[String(words[1])] = count
        case "times":
            guard let figures = Self.figures(words[1...]), let times = Histogram(Histogram.sessionBounds, figures)
            else {
                return
            }
            sessionTimes = times
        case "traffic", "dials":
            guard words.count > 3, let key = EndpointKey(words: words[1...2]), let figures = Self.figures(words[3...])
            else { return }
            if words[0] == "dials" { takeDials(key, figures) } else { takeTraffic(key, figures) }
        default: return
        }
    }

    private mutating func takeTraffic(_ key: EndpointKey, _ figures: [UInt64]) {
        // A later version may know more results.
        guard figures.count >= 2 + DialResult.allCases.count else { return }
        var endpoint = traffic[key] ?? EndpointTraffic()
        (endpoint.bytesUp, endpoint.bytesDown) = (figures[0], figures[1])
        endpoint.dials = [:]
        for (result, count) in zip(DialResult.allCases, figures[2...]) {
            endpoint.dials[result] = count == 0 ? nil : count
        }
        traffic[key] = endpoint
    }

    private mutating func takeDials(_ key: EndpointKey, _ figures: [UInt64]) {
        guard let times = Histogram(Histogram.dialBounds, figures) else { return }
        traffic[key, default: EndpointTraffic()].dialTimes = times
    }

    private static func line(_ words: [String], _ figures: [UInt64]) -> String {
        (words + figures.map { "\(min($0, largest))" }).joined(separator: " ") + "\n"
    }

    /// All of them, or none where one is wrong or too large.
    private static func figures(_ words: ArraySlice<Substring>) -> [UInt64]? {
        let figures = words.compactMap { UInt64(decimalDigits: $0) }
        return figures.count == words.count && figures.allSatisfy { $0 <= largest } ? figures : nil
    }
}

extension Histogram {
    /// The sum, rounded up so that it never becomes less, and the count of each class.
    fileprivate var figures: [UInt64] {
        [UInt64(clamping: (sum.wholeNanoseconds + 999) / 1000)] + counts
    }

    /// `nil`: another version has other classes.
    fileprivate init?(_ bounds: [Duration], _ figures: [UInt64]) {
        guard figures.count == bounds.count + 2 else { return nil }
        self.init(bounds: bounds, counts: Array(figures[1...]), sum: .microseconds(Int64(clamping: figures[0])))
    }
}
