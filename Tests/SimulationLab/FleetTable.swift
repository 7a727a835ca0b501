import Foundation
import Gateway
import GatewaySimulation

/// The figures of all scenarios as Markdown.
struct FleetTable {
    let results: [FleetResult]

    private static let begin = "<!-- measured: begin -->"
    private static let end = "<!-- measured: end -->"

    private static let head = """
        | what happens | policy | gateways, sessions | load away from even: before, settled | sessions reset; gone after | reconnects in the worst 100 ms, second | dials a client | longest wait; turned away | probes/s of a member: steady, then of others, of the struck | DNS questions/s: steady, worst |
        |---|---|---|---|---|---|---|---|---|---|
        """

    /// One row a scenario.
    var text: String {
        ([Self.head] + results.map(row)).joined(separator: "\n")
    }

    private func row(_ result: FleetResult) -> String {
        let (figures, record) = (result.figures, result.figures.record)
        let (scenario, questions, probes) = (record.scenario, figures.questions, figures.probesAfterwards)
        let gone = figures.timeToLeave.map { "\(seconds($0)) s" } ?? "–"
        let cells = [
            scenario.name, "`\(scenario.policy.rawValue)`",
            "\(scenario.gateways), \(scenario.gateways * scenario.kept)",
            "\(oneDecimal(figures.unevennessBefore)) %, \(oneDecimal(figures.unevennessSettled)) %",
            "\(figures.resets); \(gone)", "\(figures.reconnectPeak), \(figures.reconnectPeakSecond)",
            twoDecimals(figures.dialsPerClient), "\(seconds(record.longestWait)) s; \(record.turnedAway)",
            "\(Int(figures.probesSteady.mean)), \(probes.survivors), \(probes.struck)",
            "\(Int(questions.mean)), \(questions.most)",
        ]
        return "| " + cells.joined(separator: " | ") + " |"
    }

    private func twoDecimals(_ figure: Double) -> String { seconds(.seconds(figure)) }

    /// Puts the table between the two marks of a document.
    func write(into path: String) throws {
        let document = try String(contentsOfFile: path, encoding: .utf8)
        guard let begin = document.range(of: Self.begin), let end = document.range(of: Self.end),
            begin.upperBound <= end.lowerBound
        else { throw FleetError.noMarks(path) }
        let new = document[..<begin.upperBound] + "\n\n" + text + "\n\n" + document[end.lowerBound...]
        try new.write(toFile: path, atomically: true, encoding: .utf8)
    }
}

/// What a scenario has come to.
struct FleetResult: Sendable {
    let kind: FleetCase.Kind
    let figures: FleetFigures

    var claims: [FleetClaim] { FleetClaim.all(kind, figures) }
}

enum FleetError: Error, CustomStringConvertible {
    case noMarks(String)

    var description: String {
        switch self {
        case .noMarks(let path): "\(path) has no two marks between which the table belongs"
        }
    }
}
