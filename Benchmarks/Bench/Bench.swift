import ArgumentParser
import Foundation
import GatewayTesting

/// The benchmarks: our gateway and its peers under the same traffic, one after the other in each round.
/// `docs/performance.md` explains them.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Bench",
        abstract: "Measures etcd-gateway and its peers side by side.",
        discussion: "Workloads: \(Workload.all.map(\.name).joined(separator: " "))")

    @Option(help: "The gateway to measure; by default the release build.")
    var gateway: String?
    @Option(
        parsing: .unconditionalSingleValue,
        help: "Also our gateway with these flags, joined by spaces; may be repeated.")
    var variant: [String] = []
    @Option(help: "Also this other build of our gateway.")
    var baseline: String?
    @Option(help: "Only these workloads, joined by commas; or all, which is more than what is usual.")
    var workloads: String?
    @Option(help: "Only peers whose names contain one of these words, joined by commas.")
    var peers: String?
    @Option(help: "How often everything is measured.")
    var rounds = 5
    @Option(help: "About how long one measurement takes.")
    var seconds = 0.8
    @Option(help: "A file for the results in JSON.")
    var json: String?
    @Option(help: "A document with two marks between which the tables are put.")
    var table: String?
    @Option(help: "A file for the chart (SVG).")
    var chart: String?
    @Option(help: "Thresholds to check; without --workloads only what they need is measured.")
    var thresholds: String?
    @Option(help: "Measure nothing: show, draw or check what this JSON file says.")
    var from: String?

    func validate() throws {
        guard rounds > 0 else { throw ValidationError("--rounds must be at least 1") }
        guard seconds >= 0.1 else { throw ValidationError("--seconds must be at least 0.1") }
        for word in words(workloads) where word != "all" && !Workload.all.contains(where: { $0.name == word }) {
            throw ValidationError("there is no workload \"\(word)\"; there are: \(Workload.all.map(\.name))")
        }
    }

    func run() async throws {
        let limits = try thresholds.map(Thresholds.read)
        let results = if let from { try Results.read(from) } else { try await measure(limits) }
        if let json { try results.write(to: json) }
        if let table { try Table(results: results).write(into: table) }
        if let chart { try Chart(results: results).text.write(toFile: chart, atomically: true, encoding: .utf8) }
        if table == nil { say("\n" + Table(results: results).text) }
        guard let limits else { return }
        let (lines, allHold) = limits.check(results)
        say("\n" + lines.joined(separator: "\n"))
        guard allHold else { throw ExitCode.failure }
    }

    private func measure(_ limits: Thresholds?) async throws -> Results {
        let run = try await BenchRun(
            peers: chosenPeers(), workloads: chosenWorkloads(limits), seconds: seconds, say: say)
        return try await run.measure(rounds: rounds, savingTo: json)
    }

    private func chosenWorkloads(_ limits: Thresholds?) -> [Workload] {
        let names = workloads == nil ? limits?.workloads ?? [] : words(workloads)
        if names.isEmpty { return Workload.all.filter(\.isUsual) }
        return names == ["all"] ? Workload.all : Workload.all.filter { names.contains($0.name) }
    }

    private func chosenPeers() throws -> [Peer] {
        let program = gateway.map(Self.absolute) ?? "\(ToolBox.packageRoot)/.build/release/etcd-gateway"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw BenchError("there is no gateway at \(program): type `make build`")
        }
        var all = Peer.others
        all.insert(contentsOf: [.shipped(program), .gateway(program)], at: 1)
        let named = words(peers)
        if !named.isEmpty { all = all.filter { peer in named.contains { peer.name.contains($0) } } }
        all += variant.map {
            .gateway(program, name: "etcd-gateway \($0)", flags: $0.split(separator: " ").map(String.init))
        }
        if let baseline { all.append(.gateway(Self.absolute(baseline), name: "baseline")) }
        return all
    }

    private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path }

    private func words(_ list: String?) -> [String] {
        list?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } ?? []
    }

    /// A line for readers, at once: this takes minutes.
    private func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}
