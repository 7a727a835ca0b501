import Foundation

/// What must hold between two peers, whatever the machine: ratios, never times.
struct Thresholds: Codable {
    struct Threshold: Codable {
        var workload: String
        var metric: Metric
        /// To whom `etcd-gateway` is compared.
        var against: String
        /// Ours divided by theirs, median of the rounds.
        var atLeast: Double?
        var atMost: Double?
    }

    var thresholds: [Threshold]

    static func read(_ path: String) throws -> Thresholds {
        try JSONDecoder().decode(Thresholds.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// The workloads that are needed to check it.
    var workloads: [String] { thresholds.reduce(into: []) { if !$0.contains($1.workload) { $0.append($1.workload) } } }

    /// One line a threshold, and whether all hold.
    func check(_ results: Results) -> (lines: [String], allHold: Bool) {
        let outcomes = thresholds.map { $0.check(results) }
        return (outcomes.map(\.line), outcomes.allSatisfy(\.holds))
    }
}

extension Thresholds.Threshold {
    fileprivate func check(_ results: Results) -> (line: String, holds: Bool) {
        let ratio = results.ratio(of: metric, under: workload, peer: "etcd-gateway", to: against)
        let holds = ratio.map { $0 >= atLeast ?? -.infinity && $0 <= atMost ?? .infinity } ?? false
        let wanted = [atLeast.map { "at least \($0)" }, atMost.map { "at most \($0)" }].compactMap { $0 }
        let measured = ratio.map { String(format: "%.2f", $0) } ?? "not measured"
        let line =
            "\(holds ? "ok    " : "BROKEN") \(workload): \(metric.words) is \(measured) times that of \(against);"
            + " wanted is \(wanted.joined(separator: " and "))"
        return (line, holds)
    }
}
