/// Prometheus' text format, version 0.0.4.
struct MetricsText {
    enum Kind: String {
        case counter, gauge, histogram
    }

    private(set) var text = ""

    /// A metric with its samples; nothing where there are none.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        addHead(name, kind, help)
        for sample in samples { text += "\(name)\(sample.labels.text) \(sample.value)\n" }
    }

    /// A metric that has one value.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger) {
        add(name, kind, help, [Sample([:], "\(value)")])
    }

    /// A histogram in seconds, with a series for each set of labels.
    mutating func add(_ name: String, _ help: String, _ series: [Series]) {
        guard !series.isEmpty else { return }
        addHead(name, .histogram, help)
        for one in series {
            let (labels, histogram) = (one.labels, one.histogram)
            var sum: UInt64 = 0
            for (index, count) in histogram.counts.enumerated() {
                sum += count
                let bound = index < histogram.bounds.count ? histogram.bounds[index].decimalSeconds : "+Inf"
                text += "\(name)_bucket\(labels.adding("le", bound).text) \(sum)\n"
            }
            text += "\(name)_sum\(labels.text) \(histogram.sum.decimalSeconds)\n"
            text += "\(name)_count\(labels.text) \(sum)\n"
        }
    }

    private mutating func addHead(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// One value.
    struct Sample {
        var labels: Labels
        var value: String

        init(_ labels: Labels, _ value: String) {
            self.labels = labels
            self.value = value
        }
    }

    /// One histogram.
    struct Series {
        var labels: Labels
        var histogram: Histogram

        init(_ labels: Labels, _ histogram: Histogram) {
            self.labels = labels
            self.histogram = histogram
        }
    }

    /// The labels of a sample, in their order.
    struct Labels: ExpressibleByDictionaryLiteral {
        private var pairs: [(String, String)]

        init(dictionaryLiteral pairs: (String, String)...) {
            self.pairs = pairs
        }

        func adding(_ name: String, _ value: String) -> Labels {
            var labels = self
            labels.pairs.append((name, value))
            return labels
        }

        var text: String {
            guard !pairs.isEmpty else { return "" }
            return "{" + pairs.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",") + "}"
        }

        private static func escaped(_ text: String) -> String {
            text.map { character in
                switch character {
                case "\\": "\\\\"
                case "\"": "\\\""
                case "\n": "\\n"
                default: String(character)
                }
            }.joined()
        }
    }
}
