import ArgumentParser
import Foundation
import GatewayTesting

/// Thousands of clients of every kind, one kind after the other; afterwards the program must be what it was before.
struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Busy, idle, slow, mute, scanning and vanishing clients; memory and descriptors must come back.")

    @Flag(help: "Fewer of each, for continuous integration.")
    var short = false

    /// Memory that may stay: what allocators keep of what was used once. One byte leaked with each of a million connections
    /// would be a megabyte.
    private var memoryBound: Int { short ? 6 * 1024 : 12 * 1024 }

    @MainActor
    func run() async throws {
        let findings = Findings()
        let gateway = try await LoadGateway()
        let wakeUps = try await wakeUpsAtRest(gateway)
        say(
            "before: \(gateway.before.descriptors) descriptors, \(gateway.before.ownKiB) KiB of its own, "
                + "\(gateway.before.threads) threads, room for \(gateway.mostSessions) sessions")
        say(LoadStage.head)
        for trouble in LoadTrouble.all(short: short, mostSessions: gateway.mostSessions) {
            try await endure(trouble, gateway, findings)
        }
        try await compare(gateway, wakeUps, findings)
        try findings.conclude()
    }

    @MainActor
    private func endure(_ trouble: LoadTrouble, _ gateway: LoadGateway, _ findings: Findings) async throws {
        guard trouble.sessions <= gateway.mostSessions else {
            say(
                "skipped: \(trouble.name): \(trouble.sessions) sessions, the limit of descriptors allows \(gateway.mostSessions)"
            )
            return
        }
        var stage = LoadStage(trouble.name)
        let polite = try await LoadProgram.holding(
            ["polite", gateway.address, "\(LoadStage.politeClients)", "\(LoadStage.politePause)", "3600000"])
        stage.outcome = try await trouble.run(gateway) {
            stage.sessions = try await gateway.metric("etcd_gateway_sessions")
            stage.height = try gateway.reading()
        }
        let figures = try await LoadProgram.stop(polite)
        (stage.p50, stage.p99, stage.answers) = (figures["p50_us"] ?? 0, figures["p99_us"] ?? 0, figures["done"] ?? 0)
        stage.emptyAfter = try await gateway.waitUntilEmpty(within: .seconds(120))
        let before = gateway.before.lastingDescriptors
        try? await settled("descriptors", within: .seconds(10)) { try gateway.reading().lastingDescriptors <= before }
        let after = try gateway.reading()
        stage.after = after
        say(stage.row)
        findings.expect(stage.answers > 0, "\(trouble.name): nobody well-behaved was answered")
        findings.expect(
            after.lastingDescriptors <= before,
            "\(trouble.name): \(after.lastingDescriptors) descriptors that are no pipes, \(before) before")
        findings.expect(
            after.pipeEnds <= ProcessReading.pipeEndsAtRest(loops: gateway.loops),
            "\(trouble.name): \(after.pipeEnds) ends of pipes at rest")
        findings.expect(
            stage.sessions >= Double(trouble.sessions),
            "\(trouble.name): only \(stage.sessions) of \(trouble.sessions) sessions were there at once")
    }

    /// How often its threads wake up in ten seconds without a client; five in the short form.
    @MainActor
    private func wakeUpsAtRest(_ gateway: LoadGateway) async throws -> Int {
        let before = try ProcessActivity.wakeUps(of: gateway.process.pid)
        try await Task.sleep(for: .seconds(short ? 5 : 10))
        return try ProcessActivity.wakeUps(of: gateway.process.pid) - before
    }

    @MainActor
    private func compare(_ gateway: LoadGateway, _ wakeUps: Int, _ findings: Findings) async throws {
        let (before, after) = (gateway.before, try gateway.reading())
        let wakeUpsNow = try await wakeUpsAtRest(gateway)
        say(
            "after: \(after.descriptors) descriptors, \(after.ownKiB) KiB of its own, \(after.threads) threads; "
                + "wakes up \(wakeUpsNow) times where it did \(wakeUps) times")
        findings.expect(
            after.ownKiB - before.ownKiB <= memoryBound,
            "\(after.ownKiB - before.ownKiB) KiB more than before; \(memoryBound) are allowed")
        findings.expect(after.threads <= before.threads, "\(after.threads) threads, \(before.threads) before")
        findings.expect(wakeUpsNow <= wakeUps + 20, "it wakes up \(wakeUpsNow) times at rest, \(wakeUps) before")
        findings.expect(gateway.process.isRunning, "the program has ended")
    }
}
