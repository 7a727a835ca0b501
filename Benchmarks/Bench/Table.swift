import Foundation

/// The results as Markdown: one table a workload, with medians, the lowest and highest round, and in-round ratios.
struct Table {
    let results: Results

    private static let begin = "<!-- measured: begin -->"
    private static let end = "<!-- measured: end -->"

    var text: String {
        let head = """
            Measured \(results.date) on \(results.machine.processor), \(results.machine.processors), Linux
            \(results.machine.kernel), `\(results.machine.congestionControl)`: \(results.rounds) rounds, one peer after the
            other in each, about \(Self.number(results.secondsPerMeasurement, decimals: 1)) s a measurement.
            """
        return ([head] + results.workloads.map(table)).joined(separator: "\n\n")
    }

    /// Puts the tables between the two marks of a document.
    func write(into path: String) throws {
        let document = try String(contentsOfFile: path, encoding: .utf8)
        guard let begin = document.range(of: Self.begin), let end = document.range(of: Self.end),
            begin.upperBound <= end.lowerBound
        else { throw BenchError("\(path) lacks the lines \(Self.begin) and \(Self.end)") }
        let parts = [document[..<begin.upperBound], "\n\n\(text)\n\n", document[end.lowerBound...]]
        try parts.joined().write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func table(_ workload: Results.WorkloadEntry) -> String {
        let kind = Workload.all.first { $0.name == workload.name }
        let metrics = Metric.allCases.filter { metric in workload.peers.contains { $0.metrics.contains(metric) } }
        let compared = [kind?.headline, kind?.cost].compactMap { $0 }
        var head = ["`\(workload.name)`"] + metrics.map(\.words)
        head += compared.map { "\($0.words) ÷ etcd gateway" }
        let measures = [Peer.noProxy, .bare].map(\.name).filter { name in workload.peers.contains { $0.peer == name } }
        if let headline = kind?.headline { head += measures.map { "\(headline.words) ÷ \($0)" } }
        let rows = workload.peers.map { entry -> [String] in
            var cells = [entry.peer == "etcd-gateway" ? "**etcd-gateway**" : entry.peer]
            cells += metrics.map { Self.cell(entry, $0) }
            cells += compared.map { ratio(workload, entry, $0, to: Peer.etcdGateway.name) }
            if let headline = kind?.headline { cells += measures.map { ratio(workload, entry, headline, to: $0) } }
            return cells
        }
        let lines = ([head, head.indices.map { $0 == 0 ? "---" : "---:" }] + rows).map {
            "| " + $0.joined(separator: " | ") + " |"
        }
        return "**\(workload.title)**\n\n" + lines.joined(separator: "\n")
    }

    private func ratio(_ workload: Results.WorkloadEntry, _ entry: Results.Entry, _ metric: Metric, to other: String)
        -> String
    {
        guard entry.peer != other,
            let ratio = results.ratio(of: metric, under: workload.name, peer: entry.peer, to: other)
        else { return "" }
        return Self.number(ratio, decimals: 2)
    }

    private static func cell(_ entry: Results.Entry, _ metric: Metric) -> String {
        let values = entry.values(metric)
        guard let median = values.median, let low = values.min(), let high = values.max() else { return "–" }
        guard values.count > 1 else { return number(median, decimals: metric.decimals) }
        let spread = [low, high].map { number($0, decimals: metric.decimals) }.joined(separator: "–")
        return "\(number(median, decimals: metric.decimals)) (\(spread))"
    }

    private static func number(_ value: Double, decimals: Int) -> String {
        String(format: "%.\(decimals)f", value)
    }
}
