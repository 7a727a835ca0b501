import ArgumentParser
import Foundation
import Gateway
import GatewaySimulation

/// Ten thousand gateways and five members; says what was promised of them and whether it is true.
struct FleetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet", abstract: "Ten thousand gateways before five members, and what befalls those.")

    @Flag(help: "In less time: less virtual time, and fewer gateways but where a member vanishes.")
    var short = false

    @Option(help: "Only scenarios whose policy or name contains this.")
    var only: String?

    @Option(help: "Write the table between the marks of fleet.md in this folder, and the charts beside it.")
    var docs: String?

    @Option(help: "Of this fleet: another seed, other gateways.")
    var seed: UInt64 = 1

    @Option(help: "How many processors.")
    var processors = 2

    func validate() throws {
        guard processors > 0 else { throw ValidationError("a number is at least 1") }
    }

    func run() async throws {
        let clock = ContinuousClock()
        let begin = clock.now
        let results = await run(chosen)
        for result in results { tell(result) }
        if let docs { try write(results, into: docs) }
        let broken = results.flatMap(\.claims).count { !$0.holds }
        let decisions = results.reduce(0) { $0 + $1.figures.record.decisions }
        print(
            "\(results.count) fleets, \(decisions) decisions in \(Int((clock.now - begin) / .seconds(1))) s:", broken,
            "broken")
        if broken > 0 || results.isEmpty { throw ExitCode.failure }
    }

    private var chosen: [FleetCase] {
        let all = short ? FleetCase.short : FleetCase.lives + FleetCase.others
        return all.map { one in
            var one = one
            one.scenario.seed = seed
            return one
        }.filter { one in
            only.map { "\(one.scenario.policy.rawValue) \(one.scenario.name)".contains($0) } ?? true
        }
    }

    /// A processor each, and in the order in which they were given.
    private func run(_ cases: [FleetCase]) async -> [FleetResult] {
        await withTaskGroup(of: (Int, FleetResult).self) { group in
            var (results, next) = ([FleetResult?](repeating: nil, count: cases.count), 0)
            func add() {
                guard next < cases.count else { return }
                let (number, one) = (next, cases[next])
                group.addTask { (number, FleetResult(kind: one.kind, figures: FleetFigures(Fleet.run(one.scenario)))) }
                next += 1
            }
            for _ in 0..<processors { add() }
            while let (number, result) = await group.next() {
                results[number] = result
                add()
            }
            return results.compactMap { $0 }
        }
    }

    private func tell(_ result: FleetResult) {
        let scenario = result.figures.scenario
        print("\(scenario.policy.rawValue), \(scenario.gateways) gateways: \(scenario.name)")
        for claim in result.claims { print(claim.holds ? "  ok      " : "  BROKEN  ", claim.text, separator: "") }
    }

    private func write(_ results: [FleetResult], into folder: String) throws {
        try FleetTable(results: results).write(into: "\(folder)/fleet.md")
        for result in results where result.kind == .vanishes {
            let name = "\(folder)/fleet-\(result.figures.scenario.policy.rawValue).svg"
            try FleetChart(record: result.figures.record).text.write(toFile: name, atomically: true, encoding: .utf8)
        }
    }
}
