import Gateway
import GatewaySimulation

/// What a table says of a fleet's record.
struct FleetFigures {
    let record: FleetRecord
    private let perSecond = Int(Duration.seconds(1) / FleetRecord.piece)

    init(_ record: FleetRecord) {
        self.record = record
    }

    var scenario: FleetScenario { record.scenario }

    private func piece(_ instant: Instant) -> Int { Int((instant - .zero) / FleetRecord.piece) }

    /// Two seconds after the last gateway has started and its clients have come, until something happens.
    private var steady: Range<Int> { piece(.zero + scenario.startsWithin + .seconds(4))..<piece(scenario.blow) }

    private var afterwards: Range<Int> { piece(scenario.blow)..<record.pieces - 1 }

    /// The members that the zone lists, but for one that a happening is about.
    private var survivors: [Int] {
        let struck = scenario.happenings.compactMap { happening -> Int? in
            switch happening.what {
            case .memberDies(let member), .memberVanishes(let member): member
            default: nil
            }
        }
        return listed.filter { !struck.contains($0) }
    }

    /// All that the zone lists at the end.
    private var listed: [Int] {
        let others = scenario.happenings.contains { if case .othersAreListed = $0.what { true } else { false } }
        return Array(others ? FleetScenario.listed..<2 * FleetScenario.listed : 0..<FleetScenario.listed)
    }

    /// How far the load of anybody among these is from his share at this instant, in percent of it.
    private func unevenness(of members: [Int], at instant: Instant) -> Double {
        let loads = members.map { Double(record.load[$0][piece(instant)]) }
        let weights = members.map { Double(scenario.weight(of: $0)) }
        let (all, sum) = (loads.reduce(0, +), weights.reduce(0, +))
        let shares = weights.map { $0 * all / sum }
        return zip(loads, shares).map { load, share in abs(load - share) / share * 100 }.max() ?? 0
    }

    var unevennessBefore: Double { unevenness(of: Array(0..<FleetScenario.listed), at: scenario.blow + .seconds(-1)) }
    var unevennessSettled: Double { unevenness(of: survivors, at: scenario.settled) }

    /// By how many percent the member with the most has more than his share at the end.
    var excessAtEnd: Double {
        let loads = listed.map { Double(record.load[$0][record.pieces - 10]) }
        return ((loads.max() ?? 0) / (loads.reduce(0, +) / Double(loads.count)) - 1) * 100
    }

    /// What the struck member has of his share at the end, in percent.
    var regainedAtEnd: Double {
        let loads = listed.map { Double(record.load[$0][record.pieces - 10]) }
        return 100 * loads[0] / (loads.reduce(0, +) / Double(loads.count))
    }

    /// Sessions that were reset in the worst second after the last happening.
    var movedInWorstSecond: Int {
        let last = scenario.happenings.map(\.due).max() ?? scenario.end
        return peakSecond(piece(last)..<record.pieces - 1) { record.resets[$0] }
    }

    /// How long the last of the sessions of the first member took to leave it, after it was struck; `nil` where some are left.
    var timeToLeave: Duration? {
        let left = afterwards.first { record.load[0][$0] == 0 }
        return left.map { FleetRecord.piece * ($0 + 1) - (scenario.blow - .zero) }
    }

    /// Sessions that were reset after the blow.
    var resets: Int { afterwards.reduce(0) { $0 + record.resets[$1] } }

    /// The most sessions joined again within a tenth of a second after the blow.
    var reconnectPeak: Int { afterwards.map { piece in sum(record.joined, piece) }.max() ?? 0 }

    /// The same within a second.
    var reconnectPeakSecond: Int { peakSecond(afterwards) { sum(record.joined, $0) } }

    /// Attempts to connect to anybody but the struck member for each client that came after the blow.
    var dialsPerClient: Double {
        let (range, living) = (afterwards, survivors)
        let dials = living.reduce(0) { all, member in all + range.reduce(0) { $0 + record.dials[member][$1] } }
        return Double(dials) / Double(max(1, range.reduce(0) { $0 + record.came[$1] }))
    }

    /// From the last happening until as many sessions are open as before the first one; `nil` where that never is.
    var timeToRecover: Duration? {
        let before = sum(record.load, piece(scenario.blow) - 1) * 999 / 1_000
        guard let back = scenario.happenings.map(\.due).max() else { return nil }
        let recovered = (piece(back)..<record.pieces - 1).first { sum(record.load, $0) >= before }
        return recovered.map { FleetRecord.piece * ($0 + 1) - (back - .zero) }
    }

    /// Probes a second of one member on average, and in its worst second, while nothing happens.
    var probesSteady: (mean: Double, most: Int) {
        let seconds = Double(steady.count) / Double(perSecond)
        let means = (0..<FleetScenario.listed).map { member in
            Double(steady.reduce(0) { $0 + record.probes[member][$1] }) / seconds
        }
        let most = (0..<FleetScenario.listed).map { member in peakSecond(steady) { record.probes[member][$0] } }
        return (means.max() ?? 0, most.max() ?? 0)
    }

    /// The most probes of one member in a second after the blow: of those that answer, and of the struck one.
    var probesAfterwards: (survivors: Int, struck: Int) {
        let peaks = record.probes.indices.map { member in peakSecond(afterwards) { record.probes[member][$0] } }
        let living = survivors.map { peaks[$0] }.max() ?? 0
        return (living, peaks.indices.filter { !survivors.contains($0) }.map { peaks[$0] }.max() ?? 0)
    }

    /// All probes while nothing happens.
    var probesWhileSteady: Int { steady.reduce(0) { all, piece in all + sum(record.probes, piece) } }

    /// Packets with questions: a second on average while nothing happens, and in the worst second afterwards.
    var questions: (mean: Double, most: Int) {
        let mean = Double(steady.reduce(0) { $0 + record.questions[$1] }) * Double(perSecond) / Double(steady.count)
        return (mean, peakSecond(afterwards) { record.questions[$0] })
    }

    private func sum(_ counts: [[Int]], _ piece: Int) -> Int { counts.reduce(0) { $0 + $1[piece] } }

    /// The most in any whole second of these pieces.
    private func peakSecond(_ pieces: Range<Int>, _ count: (Int) -> Int) -> Int {
        stride(from: pieces.lowerBound, to: pieces.upperBound - perSecond + 1, by: perSecond)
            .map { begin in (begin..<begin + perSecond).reduce(0) { $0 + count($1) } }.max() ?? 0
    }
}
