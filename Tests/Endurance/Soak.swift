import ArgumentParser
import Foundation
import GatewayTesting

/// Load, dying and freezing members, a changing zone, upgrades in place and kills, all together and for as long as wanted;
/// then everything is counted.
struct Soak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Load, faults, DNS changes, upgrades and kills together; counts at the end.")

    @Option(
        help:
            "How long the trouble lasts. In the last third the program is not replaced, so that its memory can be watched."
    )
    var minutes: Double = 30
    @Option(help: "Sessions that ask real members and compare every byte.")
    var sessions = 200
    @Option(help: "The order of the trouble follows from it.")
    var seed: UInt64 = .random(in: 0...999_999)

    /// Memory may not grow faster than this while the program is the same, where the time to see it was long enough.
    private static let slopeBound = 64.0
    private static let shortestSlope = 5.0

    @MainActor
    func run() async throws {
        say("soak: \(minutes) minutes, \(sessions) sessions, seed \(seed)")
        let findings = Findings()
        let scene = try await SoakScene()
        try await scene.warmUp()
        let before = try await scene.stockTaking(.seconds(min(10, minutes * 20)))
        say("before: \(before)")
        let clients = try KeptSessions(scene.address, sessions, seed: seed, excuses: scene.excuses)
        let memory = MemoryWatch(scene.manager)
        let trouble = SoakTrouble(scene, clients, seed: seed, calm: .seconds(minutes * 20))
        try await trouble.run(for: .seconds(minutes * 60)) { now in
            clients.look()
            memory.look(now)
            for end in clients.takeUnexcused() { findings.expect(false, end) }
        }
        try await clients.stop()
        for end in clients.takeUnexcused() { findings.expect(false, end) }
        let after = try await scene.stockTaking(.seconds(min(10, minutes * 20)), like: before)
        say("after:  \(after)")
        conclude(scene, clients, trouble, memory, before, after, findings)
        try await scene.stop(findings)
        try findings.conclude()
    }

    @MainActor
    private func conclude(
        _ scene: SoakScene, _ clients: KeptSessions, _ trouble: SoakTrouble, _ memory: MemoryWatch,
        _ before: StockTaking, _ after: StockTaking, _ findings: Findings
    ) {
        say("trouble: \(trouble.summary)")
        say("clients: \(clients.summary)")
        say("others: \(trouble.others)")
        say("program: started \(scene.manager.starts) times, handed over \(trouble.handovers) times")
        findings.expect(clients.requests > sessions * 5, "only \(clients.requests) requests: that was no load")
        findings.expect(scene.manager.late == 0, "the watchdog was not fed in time \(scene.manager.late) times")
        findings.expect(
            scene.manager.starts == trouble.kills + 1,
            "\(scene.manager.starts) starts, \(trouble.kills) kills: it died by itself")
        findings.expect(after.sessions == 0, "\(after.sessions) sessions are left")
        findings.expect(
            after.ownDescriptors <= before.ownDescriptors,
            "\(after.ownDescriptors) descriptors outside of the store, \(before.ownDescriptors) before")
        let loops = min(4, ProcessInfo.processInfo.activeProcessorCount)
        findings.expect(
            after.pipeEnds <= ProcessReading.pipeEndsAtRest(loops: loops), "\(after.pipeEnds) ends of pipes at rest")
        findings.expect(after.threads <= before.threads, "\(after.threads) threads, \(before.threads) before")
        findings.expect(
            after.wakeUps <= before.wakeUps * 3 / 2 + 20,
            "it wakes up \(after.wakeUps) times at rest, \(before.wakeUps) before")
        guard let slope = memory.slope, memory.minutes >= Self.shortestSlope else {
            return say("memory: skipped: \(memory.summary); a slope wants \(Self.shortestSlope) minutes of one process")
        }
        say("memory: \(memory.summary)")
        findings.expect(slope <= Self.slopeBound, "memory grows by \(slope) KiB a minute")
    }
}
