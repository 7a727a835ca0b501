import Foundation

/// What was measured, as it is kept in JSON.
struct Results: Codable {
    /// One peer under one workload.
    struct Entry: Codable {
        var peer: String
        /// One measurement a round; a round in which the peer could not do it is missing.
        var rounds: [Int: [Metric: Double]]
        /// Why it could not.
        var failure: String?
    }

    struct WorkloadEntry: Codable {
        var name: String
        var title: String
        var peers: [Entry]
    }

    var date: String
    var machine: Machine
    var rounds: Int
    var secondsPerMeasurement: Double
    var workloads: [WorkloadEntry] = []

    static func read(_ path: String) throws -> Results {
        try JSONDecoder().decode(Results.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try (encoder.encode(self) + Data("\n".utf8)).write(to: URL(fileURLWithPath: path))
    }

    subscript(workload: String, peer: String) -> Entry? {
        workloads.first { $0.name == workload }?.peers.first { $0.peer == peer }
    }

    /// Adds a measurement, or the reason why there is none.
    mutating func add(
        _ outcome: Result<[Metric: Double], any Error>, of peer: String, under workload: Workload, round: Int
    ) {
        if !workloads.contains(where: { $0.name == workload.name }) {
            workloads.append(WorkloadEntry(name: workload.name, title: workload.title, peers: []))
        }
        guard let place = workloads.firstIndex(where: { $0.name == workload.name }) else { return }
        if !workloads[place].peers.contains(where: { $0.peer == peer }) {
            workloads[place].peers.append(Entry(peer: peer, rounds: [:], failure: nil))
        }
        guard let index = workloads[place].peers.firstIndex(where: { $0.peer == peer }) else { return }
        switch outcome {
        case .success(let values): workloads[place].peers[index].rounds[round] = values
        case .failure(let error): workloads[place].peers[index].failure = "\(error)"
        }
    }

    /// The median over the rounds of one peer's value divided by another's in the same round: what happens to the whole
    /// machine for a while then does not count. `nil` where no round has both.
    func ratio(of metric: Metric, under workload: String, peer: String, to other: String) -> Double? {
        guard let own = self[workload, peer], let base = self[workload, other] else { return nil }
        let ratios = own.rounds.compactMap { round, values -> Double? in
            guard let value = values[metric], let reference = base.rounds[round]?[metric], reference > 0 else {
                return nil
            }
            return value / reference
        }
        return ratios.median
    }
}

extension Results.Entry {
    /// All rounds' values of a metric.
    func values(_ metric: Metric) -> [Double] { rounds.values.compactMap { $0[metric] } }

    /// The metrics that it has, in their order.
    var metrics: [Metric] { Metric.allCases.filter { !values($0).isEmpty } }
}

extension [Double] {
    /// The middle one, or the mean of the two in the middle; `nil` of nothing.
    var median: Double? {
        guard !isEmpty else { return nil }
        let sorted = sorted()
        return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2
    }
}
