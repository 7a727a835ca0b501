import Foundation

/// The memory of one process over time, as long as it is the same process and program.
@MainActor
final class MemoryWatch {
    private let manager: StandIn
    private var samples: [(seconds: Double, ownKiB: Double)] = []
    private var readies = 0
    private var began: ContinuousClock.Instant?
    private var last: ContinuousClock.Instant?
    private(set) var height = 0
    private var heightOfDescriptors = 0

    /// The first minutes of a process are no slope: it gets what it needs.
    private static let settling = 60.0

    init(_ manager: StandIn) { self.manager = manager }

    /// Takes a sample every other second; starts anew when the program was replaced.
    func look(_ now: ContinuousClock.Instant) {
        if let last, now - last < .seconds(2) { return }
        last = now
        if manager.readies != readies {
            readies = manager.readies
            (samples, began) = ([], now)
        }
        guard let began, let pid = manager.pid, let reading = try? ProcessReading(of: pid) else { return }
        height = max(height, reading.ownKiB)
        heightOfDescriptors = max(heightOfDescriptors, reading.descriptors)
        samples.append(((now - began) / .seconds(1), Double(reading.ownKiB)))
    }

    private var settled: [(seconds: Double, ownKiB: Double)] { samples.filter { $0.seconds > Self.settling } }

    /// For how long the last program was watched.
    var minutes: Double { ((settled.last?.seconds ?? 0) - (settled.first?.seconds ?? 0)) / 60 }

    /// In KiB a minute, by least squares.
    var slope: Double? {
        let points = settled
        guard points.count > 10 else { return nil }
        let count = Double(points.count)
        let meanTime = points.reduce(0) { $0 + $1.seconds } / count
        let meanSize = points.reduce(0) { $0 + $1.ownKiB } / count
        let above = points.reduce(0) { $0 + ($1.seconds - meanTime) * ($1.ownKiB - meanSize) }
        let below = points.reduce(0) { $0 + ($1.seconds - meanTime) * ($1.seconds - meanTime) }
        return below > 0 ? above / below * 60 : nil
    }

    var summary: String {
        let points = settled
        let text = slope.map {
            "\(($0 * 10).rounded() / 10) KiB a minute over \((minutes * 10).rounded() / 10) minutes of one process"
        }
        let ends = points.first.flatMap { first in points.last.map { "\(Int(first.ownKiB)) to \(Int($0.ownKiB)) KiB" } }
        return [text ?? "no slope", ends, "at most \(height) KiB and \(heightOfDescriptors) descriptors"]
            .compactMap { $0 }.joined(separator: ", ")
    }
}
