import Foundation
import GatewayTesting

/// Measures one workload with one peer.
struct Measurement {
    let load: Load
    let processors: Processors
    let folder: TemporaryFolder
    /// About how long a measurement takes.
    let seconds: Double

    /// With a peer that runs.
    func measure(_ workload: Workload, with peer: RunningPeer) async throws -> [Metric: Double] {
        switch workload.kind {
        case .bulk(let direction, let connections, let rate):
            return try await bulk(direction, connections, rate, peer)
        case .requests(let connections, let ask, let answer):
            return try await requests(["rpc", peer.address, "\(connections)", "\(ask)", "\(answer)", duration], peer)
        case .churn(let connections):
            return try await churn(connections, peer)
        case .besideBulk(let connections):
            return try await besideBulk(connections, peer)
        case .amongIdle(let sessions):
            return try await amongIdle(sessions, peer)
        case .idle(let sessions):
            return try await idle(sessions, peer)
        case .etcdRange(let connections):
            return try await requests(["etcd-range", peer.address, "\(connections)", duration], peer)
        case .etcdWatch(let watchers):
            return try await requests(["etcd-watch", peer.address, "\(watchers)", duration], peer)
        case .start:
            throw BenchError("a start has no running peer")
        }
    }

    /// Starts a peer several times, and looks at the memory of the last one.
    func measureStart(of peer: Peer, to upstream: Upstream) async throws -> [Metric: Double] {
        let port = try FreePort.next()
        guard let launch = try peer.alone.launch(port: port, upstream: upstream, folder: folder),
            peer.kind != .socketProxyd  // its socket is there before it is
        else { return [:] }
        let report = try await load.run(["start", "127.0.0.1:\(port)", "5", launch.program] + launch.arguments)
        let running = try await RunningPeer(peer.alone, to: upstream, on: processors, folder: folder)
        try await Task.sleep(for: .milliseconds(500))
        guard let memory = try running.group?.memory() else { return [:] }
        try await running.end()
        return [
            .startMilliseconds: report.p50_us / 1000, .residentMebibytes: memory.resident / 1_048_576,
            .anonymousMebibytes: memory.anonymous / 1_048_576,
        ]
    }

    private var duration: String { "\(Int((seconds * 1000).rounded()))" }

    private func bulk(
        _ direction: Workload.Direction, _ connections: Int, _ rate: Double, _ peer: RunningPeer
    ) async throws -> [Metric: Double] {
        let ways = direction == .both ? 2.0 : 1.0
        let mebibytes = max(1, Int(rate * seconds * 1e9 / 1_048_576 / ways / Double(connections)))
        let before = try peer.cpuSeconds()
        let report = try await load.run(
            ["bulk", peer.address, direction.rawValue, "\(connections)", "\(mebibytes)"])
        var metrics: [Metric: Double] = [.gigabytesPerSecond: report.gigabytes_per_second]
        if peer.group != nil {
            metrics[.cpuSecondsPerGigabyte] = try (peer.cpuSeconds() - before) / report.gigabytes
        }
        return metrics
    }

    private func requests(_ arguments: [String], _ peer: RunningPeer) async throws -> [Metric: Double] {
        var before = try peer.cpuSeconds()
        let process = try load.start(arguments)
        if arguments.first == "rpc" {
            // All have been connected and answered once; counting has begun anew.
            try await process.waitForText("warm")
            before = try peer.cpuSeconds()
        }
        let report = try await load.report(of: process)
        var metrics: [Metric: Double] = [
            .perSecond: report.per_second, .p50: report.p50_us, .p99: report.p99_us, .p999: report.p999_us,
        ]
        if peer.group != nil {
            metrics[.cpuMicrosecondsPerRequest] = try (peer.cpuSeconds() - before) * 1e6 / report.done
        }
        return metrics
    }

    /// Each connection leaves a port of the one sink's in TIME_WAIT. Linux takes such a port again after a second, for loopback
    /// (tcp_tw_reuse), and before it takes one of the other half it looks at each of 14,116: so few connections that there are
    /// enough for all, and a pause, so that nobody pays for the peer before.
    private func churn(_ connections: Int, _ peer: RunningPeer) async throws -> [Metric: Double] {
        try await Task.sleep(for: .milliseconds(1200))
        let count = min(13_000, Int((seconds * 12_500).rounded()))
        return try await requests(["churns", peer.address, "\(connections)", "\(count)"], peer)
    }

    /// The bulk flows are more than can be moved in that time, and are cut off at its end.
    private func besideBulk(_ connections: Int, _ peer: RunningPeer) async throws -> [Metric: Double] {
        let bulk = try load.start(["bulk", peer.address, "both", "\(connections)", "1000000"])
        try await Task.sleep(for: .milliseconds(200))
        let report = try await load.run(["rpc", peer.address, "1", "64", "64", duration])
        guard bulk.isRunning else { throw BenchError("the bulk flows ended: \(bulk.errors)") }
        try await bulk.kill()
        return [.perSecond: report.per_second, .p50: report.p50_us, .p99: report.p99_us, .p999: report.p999_us]
    }

    private func amongIdle(_ sessions: Int, _ peer: RunningPeer) async throws -> [Metric: Double] {
        let active = 10
        let others = try await open(sessions - active, through: peer)
        let metrics = try await requests(["rpc", peer.address, "\(active)", "256", "1024", duration], peer)
        try await others?.kill()
        return metrics
    }

    private func idle(_ sessions: Int, _ peer: RunningPeer) async throws -> [Metric: Double] {
        guard let group = peer.group else { return [:] }
        // What only the first sessions need, code above all, is no cost of the others.
        let first = try await open(64, through: peer)
        try await Task.sleep(for: .milliseconds(2500))
        try await first?.kill()
        try await Task.sleep(for: .milliseconds(300))
        let (memory, descriptors) = try (group.memory().resident, group.descriptors())
        let idle = try await open(sessions, through: peer)
        try await Task.sleep(for: .milliseconds(2500))
        let woken = try group.wakeUps()
        try await Task.sleep(for: .seconds(2))
        // A thread that has ended meanwhile is not counted: nobody knows how often it was woken.
        let wakeUps = try group.wakeUps().reduce(0) { $0 + $1.value - (woken[$1.key] ?? 0) }
        let metrics: [Metric: Double] = try [
            .kibibytesPerSession: (group.memory().resident - memory) / 1024 / Double(sessions),
            .descriptorsPerSession: Double(group.descriptors() - descriptors) / Double(sessions),
            .wakeUpsPerSecond: Double(wakeUps) / 2,
        ]
        try await idle?.kill()
        return metrics
    }

    /// Sessions that were used once and do nothing more, until the program that holds them is killed.
    private func open(_ sessions: Int, through peer: RunningPeer) async throws -> ChildProcess? {
        guard sessions > 0 else { return nil }
        let idle = try load.start(["idle", peer.address, "\(sessions)"])
        try await idle.waitForText("open", within: .seconds(30))
        return idle
    }
}
