import Foundation
import GatewayTesting

/// One run of the benchmarks: rounds, in each of them every workload, in each of these every peer.
struct BenchRun {
    private let peers: [Peer]
    private let workloads: [Workload]
    private let processors = Processors()
    private let measurement: Measurement
    private let sink: Sink
    /// The member behind the peers for the workloads of a real etcd; `nil` where none is measured.
    private let etcd: EtcdCluster?
    private let folder: TemporaryFolder
    private let say: (String) -> Void

    init(peers: [Peer], workloads: [Workload], seconds: Double, say: @escaping (String) -> Void) async throws {
        (self.peers, self.workloads, self.say) = (peers, workloads, say)
        folder = try TemporaryFolder()
        let load = Load(processors: processors)
        measurement = Measurement(load: load, processors: processors, folder: folder, seconds: seconds)
        sink = try await Sink(load, on: processors)
        let port = try FreePort.next()
        etcd = workloads.contains(where: \.needsEtcd) ? try await EtcdCluster(size: 1, clientPort: port) : nil
    }

    /// Measures everything; what there is so far is kept in a file where one is named.
    func measure(rounds: Int, savingTo json: String?) async throws -> Results {
        var results = Results(
            date: Self.today(), machine: .here(processors), rounds: rounds,
            secondsPerMeasurement: measurement.seconds)
        for round in 1...rounds {
            let running = try await start(upstream: .port(sink.port))
            let withEtcd =
                if let etcd { try await start(upstream: .address(etcd.members[0].address)) } else { [RunningPeer]() }
            for workload in workloads where round == 1 || !workload.isSteady {
                for peer in peers where peer.takes(workload) {
                    let outcome = await outcome(
                        workload, peer, (workload.needsEtcd ? withEtcd : running).first { $0.peer == peer })
                    results.add(outcome, of: peer.name, under: workload, round: round)
                    say(line(round, rounds, workload, peer, outcome))
                }
            }
            for peer in running + withEtcd { try await peer.end() }
            results.rounds = round
            if let json { try results.write(to: json) }
        }
        return results
    }

    private func start(upstream: Upstream) async throws -> [RunningPeer] {
        var running: [RunningPeer] = []
        for peer in peers {
            running.append(try await RunningPeer(peer, to: upstream, on: processors, folder: folder))
        }
        return running
    }

    private func outcome(_ workload: Workload, _ peer: Peer, _ running: RunningPeer?) async -> Result<
        [Metric: Double], any Error
    > {
        do {
            guard let running else { throw BenchError("\(peer.name) does not run") }
            switch workload.kind {
            case .start:
                return .success(try await measurement.measureStart(of: peer, to: .port(sink.port)))
            case .idle:
                // Memory that earlier workloads have left behind would be reused.
                let fresh = try await RunningPeer(peer, to: .port(sink.port), on: processors, folder: folder)
                let metrics = try await measurement.measure(workload, with: fresh)
                try await fresh.end()
                return .success(metrics)
            default:
                return .success(try await measurement.measure(workload, with: running))
            }
        } catch {
            return .failure(error)
        }
    }

    private func line(
        _ round: Int, _ rounds: Int, _ workload: Workload, _ peer: Peer, _ outcome: Result<[Metric: Double], any Error>
    ) -> String {
        let values =
            switch outcome {
            case .success(let metrics):
                Metric.allCases.compactMap { metric in
                    metrics[metric].map { "\(metric.words) \(String(format: "%.\(metric.decimals)f", $0))" }
                }.joined(separator: ", ")
            case .failure(let error): "failed: \(error)"
            }
        return "\(round)/\(rounds) \(workload.name): \(peer.name): \(values)"
    }

    private static func today() -> String {
        let format = ISO8601DateFormatter()
        format.formatOptions = [.withFullDate]
        return format.string(from: Date())
    }
}

extension Workload {
    /// Whether a real member stands behind the peers.
    var needsEtcd: Bool {
        switch kind {
        case .etcdRange, .etcdWatch: true
        default: false
        }
    }
}
