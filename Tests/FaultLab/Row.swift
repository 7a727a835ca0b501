import Foundation

/// One line of the result.
struct Row: Sendable, Codable {
    let cluster: String
    let proxy: String
    let policy: String
    let fault: String
    let what: String
    let round: Int
    let measurement: Measurement
    /// Empty for other proxies than ours: nothing is demanded of them.
    let checks: [Check]
    /// What the proxy said; kept for reading when a promise was broken.
    let log: String
    /// Why there is no measurement.
    let error: String?

    /// - Parameter error: why `measurement` is empty, where it is.
    init(
        _ experiment: Lab.Experiment, _ security: LabCluster.Security, _ measurement: Measurement, log: String,
        error: String? = nil
    ) {
        cluster = security.rawValue
        proxy = experiment.proxy.rawValue
        policy = experiment.policy
        fault = experiment.fault.rawValue
        what = experiment.fault.words
        round = experiment.round
        self.measurement = measurement
        self.log = log
        self.error = error
        isAsserted = experiment.proxy == .gateway
        checks =
            isAsserted && error == nil
            ? experiment.fault.checks(measurement, policy: policy, health: security != .tls) : []
    }

    /// Whether anything is demanded.
    let isAsserted: Bool
    /// Whether all promises were kept.
    var isGood: Bool { !isAsserted || (error == nil && checks.allSatisfy(\.isKept)) }
    /// Whether the machine was too busy to say anything about a broken promise.
    var isDoubtful: Bool { !isGood && measurement.latestLateness > 0.1 }
}

/// The result as text: a line when it is known, and what was promised below a line that breaks a promise.
enum Report {
    private static let widths = [9, 13, 12, 10, 6, 5, 8, 8, 10, 8, 10, 7]

    /// What stands above the lines.
    static var head: String {
        let titles = [
            "cluster", "proxy", "policy", "fault", "failed", "cut", "slowest", "gap", "kept reset", "again in",
            "silent", "late",
        ]
        return """
            New connections, every 50 ms: failed, cut in flight by the blow, slowest answer, longest time without any.
            Kept session: when it was reset, and how long until it was answered again. Silent: when a silent watch was
            reset. Late: the lab itself. Seconds; resets count from the beginning of the fault.

            \(line(titles)) verdict
            """
    }

    /// One line, and more below it where something is wrong.
    static func text(_ row: Row) -> String {
        let measured = row.measurement
        let columns = [
            row.cluster, row.proxy, row.policy, row.fault, "\(measured.failed)", "\(measured.cut)",
            number(measured.slowestNew), number(measured.longestGap), number(measured.keptEndedAfter),
            number(measured.keptWorkedAgainIn), number(measured.silentEndedAfter), number(measured.latestLateness),
        ]
        if let error = row.error {
            return line(Array(columns.prefix(4))) + " not measured: " + error
        }
        let verdict = row.checks.isEmpty ? "-" : row.isGood ? "ok" : "BROKEN"
        let broken = row.checks.filter { !$0.isKept }.map {
            "          \($0.words): \($0.measured.map { number($0) } ?? "never"), promised \(number($0.limit))"
        }
        let failures = row.measurement.failures.sorted { $0.value > $1.value }.map {
            "          \($0.value) × \($0.key)"
        }
        return ([line(columns) + " " + verdict] + broken + failures).joined(separator: "\n")
    }

    /// The last words.
    static func summary(_ rows: [Row]) -> String {
        let asserted = rows.filter(\.isAsserted)
        let broken = asserted.filter { !$0.isGood }
        let list = broken.map { "\($0.cluster) \($0.policy) \($0.fault)" }.joined(separator: ", ")
        return broken.isEmpty
            ? "All promises were kept, in \(asserted.count) of \(asserted.count) measurements."
            : "Promises were broken in \(broken.count) of \(asserted.count) measurements: \(list)."
    }

    /// Everything, for programs.
    static func json(_ rows: [Row]) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(rows)
    }

    private static func line(_ columns: [String]) -> String {
        zip(columns, widths).map { column, width in
            column.padding(toLength: max(width, column.count), withPad: " ", startingAt: 0)
        }.joined(separator: " ")
    }

    private static func number(_ value: Double?) -> String {
        guard let value else { return "-" }
        return value == value.rounded() ? "\(Int(value))" : String(format: "%.2f", value)
    }
}
