import ArgumentParser
import Foundation
import GatewayTesting

/// The fault lab: what clients of the gateway see when members die, vanish, freeze. `docs/fault-lab.md` explains it.
@main
struct FaultLab: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "FaultLab",
        abstract: "Lets members of a real etcd cluster fail behind the gateway, and measures what clients see.",
        discussion: """
            Faults:
            \(Fault.allCases.map { "  " + $0.rawValue.padding(toLength: 12, withPad: " ", startingAt: 0) + $0.words }
                .joined(separator: "\n"))
            """)

    @Option(help: "The gateway to measure; by default the release build, else the debug build.")
    var gateway: String?
    @Option(parsing: .unconditionalSingleValue, help: "One more flag for the gateway; may be repeated.")
    var gatewayFlag: [String] = []
    @Option(help: "Only this fault; may be repeated.")
    var only: [String] = []
    @Option(help: "Only this policy of the gateway; may be repeated. By default pinned and round-robin.")
    var policy: [String] = []
    @Option(help: "Only clusters of this kind (plain, tls, tls+cert); may be repeated.")
    var cluster: [String] = []
    @Option(help: "How often everything is measured.")
    var rounds = 1
    @Flag(help: "Only what continuous integration measures each time.")
    var short = false
    @Flag(help: "Also `etcd gateway` and HAProxy; nothing is demanded of them.")
    var peers = false
    @Option(help: "A file for the results in JSON.")
    var json: String?
    @Flag(help: "Print what the gateway said where a promise was broken.")
    var logs = false

    func validate() throws {
        for word in only where Fault(rawValue: word) == nil {
            throw ValidationError("there is no fault \"\(word)\"; there are: \(Fault.allCases.map(\.rawValue))")
        }
        for word in cluster where LabCluster.Security(rawValue: word) == nil {
            throw ValidationError("there is no cluster \"\(word)\"; there are: plain, tls, tls+cert")
        }
        guard rounds > 0 else { throw ValidationError("--rounds must be at least 1") }
    }

    func run() async throws {
        let lab = try await prepare()
        say(Report.head)
        var rows: [Row] = []
        for security in clusters {
            var members = try await LabCluster(security, on: lab.network.hosts)
            for experiment in experiments(on: security) {
                Enclosure.endUnlessCalledAgain(within: 180)
                do {
                    rows.append(try await measure(experiment, on: members, in: lab.lab))
                } catch {
                    rows.append(Row(experiment, security, Measurement(), log: "", error: "\(error)"))
                    say(Report.text(rows[rows.count - 1]))
                    // Nobody knows in which state that one was left.
                    members = try await replacement(of: members, on: lab.network.hosts)
                }
                try write(rows)
            }
        }
        say("\n" + Report.summary(rows))
        guard rows.allSatisfy(\.isGood) else { throw ExitCode.failure }
    }

    private func prepare() async throws -> (lab: Lab, network: LabNetwork) {
        let program = try gatewayProgram()
        try Enclosure.enter()
        let network = try await LabNetwork(hostCount: 6)
        let names = try await NameServer(zone: Scene.zone, records: [], port: 53)
        try Enclosure.useNameServer()
        return (Lab(gateway: Lab.GatewayUnderTest(program: program, flags: gatewayFlag), names: names), network)
    }

    private func replacement(of members: LabCluster, on hosts: [LabHost]) async throws -> LabCluster {
        for member in members.members {
            try await member.kill()
        }
        for host in hosts {
            try await host.setLink(isUp: true)
            try await host.stopFiltering()
        }
        return try await LabCluster(members.security, on: hosts)
    }

    /// Measures once more where the machine was too busy and a promise seemed to be broken.
    private func measure(
        _ experiment: Lab.Experiment, on members: LabCluster, in lab: Lab
    ) async throws -> Row {
        var row = try await lab.run(experiment, on: members)
        for _ in 0..<2 where row.isDoubtful {
            say(Report.text(row) + "\n          the lab itself was late: measured again")
            row = try await lab.run(experiment, on: members)
        }
        say(Report.text(row))
        if logs && !row.isGood {
            say(row.log)
        }
        return row
    }

    /// A line for readers, at once: a lab takes minutes.
    private func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }

    private func write(_ rows: [Row]) throws {
        guard let json else { return }
        try Report.json(rows).write(to: URL(fileURLWithPath: json))
    }

    private func gatewayProgram() throws -> String {
        let builds = ["release", "debug"].map { "\(ToolBox.packageRoot)/.build/\($0)/etcd-gateway" }
        let candidates = gateway.map { [URL(fileURLWithPath: $0).path] } ?? builds
        guard let program = candidates.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw TestingError("no gateway at \(candidates.joined(separator: " or ")): type `make build`")
        }
        return program
    }

    private var clusters: [LabCluster.Security] {
        let chosen = cluster.compactMap(LabCluster.Security.init(rawValue:))
        return chosen.isEmpty ? [.plain, .tls] : chosen
    }

    private func experiments(on security: LabCluster.Security) -> [Lab.Experiment] {
        let kinds: [ProxyKind] = peers ? ProxyKind.allCases : [.gateway]
        var experiments: [Lab.Experiment] = []
        for round in 1...rounds {
            for fault in faults(on: security) {
                for kind in kinds {
                    experiments += policies(of: kind, on: security).map {
                        Lab.Experiment(proxy: kind, policy: $0, fault: fault, round: round)
                    }
                }
            }
        }
        return experiments
    }

    private func faults(on security: LabCluster.Security) -> [Fault] {
        let chosen = only.compactMap(Fault.init(rawValue:))
        if !chosen.isEmpty { return chosen }
        // Where health cannot be read, nothing is promised about a lost quorum: the short form need not look.
        return !short ? Fault.allCases : Fault.short.filter { security != .tls || $0 != .noQuorum }
    }

    private func policies(of kind: ProxyKind, on security: LabCluster.Security) -> [String] {
        guard kind == .gateway else { return kind.policies }
        if !policy.isEmpty { return policy }
        return short && security != .plain ? ["pinned"] : kind.policies
    }
}
