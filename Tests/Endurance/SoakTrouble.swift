import Foundation
import GatewayTesting

/// What is done to the program and to what surrounds it. Three lanes at once: members and names, the program itself, and
/// other clients; each does one thing after the other, in an order drawn from the seed.
@MainActor
final class SoakTrouble {
    /// To members and names.
    enum Surroundings: CaseIterable { case killMember, freezeMember, leaveOut, reweigh, killNameServer }
    /// To the program.
    enum Replacement: CaseIterable { case handover, kill }
    /// By clients of no interest.
    enum Crowd: CaseIterable { case scan, mute, burst }

    private let scene: SoakScene
    private let clients: KeptSessions
    private let calm: Duration
    private var generator: SeededGenerator
    private var counts: [String: Int] = [:]
    private(set) var handovers = 0
    private(set) var kills = 0
    private var crowd: [String: Int] = [:]
    private var logSeen = 0

    init(_ scene: SoakScene, _ clients: KeptSessions, seed: UInt64, calm: Duration) {
        (self.scene, self.clients, self.calm) = (scene, clients, calm)
        generator = SeededGenerator(seed: seed)
    }

    var summary: String { counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ") }
    var others: String { crowd.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ") }

    /// Runs all lanes; `look` is called a few times a second, on the same thread as everything here.
    func run(for time: Duration, _ look: @escaping (ContinuousClock.Instant) -> Void) async throws {
        let end = ContinuousClock.now + time
        async let surroundings: Void = lane(Surroundings.allCases, until: end, pause: 1.0...5.0) {
            try await self.trouble($0)
        }
        async let replacements: Void = lane(Replacement.allCases, until: end - calm, pause: 4.0...12.0) {
            try await self.replace($0)
        }
        async let others: Void = lane(Crowd.allCases, until: end, pause: 0.5...3.0) { try await self.crowd($0) }
        while ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(250))
            readLog()
            look(.now)
        }
        _ = try await (surroundings, replacements, others)
        readLog()
        look(.now)
    }

    /// Each kind once in a drawn order, then again.
    private func lane<Kind>(
        _ kinds: [Kind], until end: ContinuousClock.Instant, pause: ClosedRange<Double>,
        _ act: @MainActor (Kind) async throws -> Void
    ) async throws {
        while true {
            for kind in kinds.shuffled(using: &generator) {
                try await Task.sleep(for: .seconds(Double.random(in: pause, using: &generator)))
                guard ContinuousClock.now < end else { return }
                try await act(kind)
            }
        }
    }

    /// What the gateway believes of members, as its log tells.
    private func readLog() {
        let lines = scene.manager.log.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        for line in lines.dropFirst(logSeen) {
            scene.journal.note("gateway: \(line)")
            // By its address or, as DNS names it, by its name.
            for member in scene.cluster.members
            where line.contains(member.host) || line.contains("\(member.name).\(SoakScene.zone)") {
                guard let number = scene.numbers[member.address] else { continue }
                if line.contains("deactivated endpoint") || line.contains("sessions are reset") {
                    scene.excuses.believedDead(member: number)
                }
                if line.contains("endpoint removed; its sessions end") { scene.excuses.removed(member: number) }
            }
        }
        logSeen = lines.count
    }

    private func trouble(_ kind: Surroundings) async throws {
        let members = scene.cluster.members
        let member = members[Int.random(in: 0..<members.count, using: &generator)]
        let number = scene.numbers[member.address] ?? 0
        let pause = Duration.seconds(Double.random(in: 2...8, using: &generator))
        counts["\(kind)", default: 0] += 1
        scene.journal.note("\(kind) \(member.address) for \(pause)")
        switch kind {
        case .killMember:
            let excuse = scene.excuses.begin("member killed", member: number)
            try await member.kill()
            try await Task.sleep(for: pause)
            try member.start()
            try await waitUntilHealthy(member)
            scene.excuses.end(excuse, after: 5)
        case .freezeMember:
            let excuse = scene.excuses.begin("member frozen", member: number)
            member.freeze()
            try await Task.sleep(for: pause)
            member.thaw()
            try await waitUntilHealthy(member)
            scene.excuses.end(excuse, after: 15)
        case .leaveOut:
            let excuse = scene.excuses.begin(Excuses.leftOut, member: number)
            try await scene.names.update(SoakScene.records(members.filter { $0 !== member }))
            try await Task.sleep(for: pause * 2)
            try await scene.names.update(SoakScene.records(members))
            scene.excuses.end(excuse, after: 15)
        case .reweigh:
            let weight = UInt16.random(in: 0...100, using: &generator)
            try await scene.names.update(SoakScene.records(members.shuffled(using: &generator), weight: weight))
        case .killNameServer:
            try await scene.names.kill()
            try await Task.sleep(for: pause)
            try await scene.names.start()
        }
    }

    private func waitUntilHealthy(_ member: EtcdMember) async throws {
        let client = try Etcdctl(address: member.address)
        try await settled("\(member.name) is healthy", within: .seconds(120), every: .milliseconds(300)) {
            try await client.run(["endpoint", "health"]).isSuccess
        }
    }

    private func replace(_ kind: Replacement) async throws {
        let readies = scene.manager.readies
        switch kind {
        case .handover:
            let new = scene.program + ".new"
            try FileManager.default.copyItem(atPath: ToolBox.gateway(), toPath: new)
            guard rename(new, scene.program) == 0 else { throw TestingError("cannot rename \(new)") }
            try scene.manager.send(SIGUSR2)
            scene.journal.note("SIGUSR2")
            handovers += 1
        case .kill:
            scene.excuses.killed()
            try scene.manager.send(SIGKILL)
            kills += 1
        }
        try await settled("ready after \(kind); it said: \(scene.manager.log.suffix(3000))", within: .seconds(60)) {
            scene.manager.readies > readies
        }
    }

    private func crowd(_ kind: Crowd) async throws {
        switch kind {
        case .scan:
            let figures = try await LoadProgram.figures(of: LoadProgram.start(["scan", scene.address, "300"]))
            crowd["scanned", default: 0] += Int(figures["scanned"] ?? 0)
        case .mute:
            let process = try await LoadProgram.holding(["mute", scene.address, "100"])
            try await Task.sleep(for: .seconds(2))
            _ = try await LoadProgram.stop(process)
            crowd["mute", default: 0] += 100
        case .burst:
            let requests = RequestLoop(PlainRequest(at: scene.address), clients: 8)
            try await Task.sleep(for: .seconds(2))
            crowd["requests on new connections", default: 0] += try await requests.stop().count
        }
    }
}
