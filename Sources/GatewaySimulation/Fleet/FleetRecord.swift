import Gateway

/// What was counted of a fleet.
package struct FleetRecord: Sendable {
    /// Counts are kept for each such piece of time.
    package static let piece = Duration.milliseconds(100)

    package let scenario: FleetScenario
    package let pieces: Int
    /// Sessions of kept clients that were joined, by member and piece.
    package private(set) var joined: [[Int]]
    /// Attempts to connect for clients, by member and piece.
    package private(set) var dials: [[Int]]
    /// Probes that began, by member and piece.
    package private(set) var probes: [[Int]]
    /// Sessions that were reset for whatever reason, by piece.
    package private(set) var resets: [Int]
    /// Packets with questions, as a name server sees them, by piece.
    package private(set) var questions: [Int]
    /// Clients that came, by piece.
    package private(set) var came: [Int]
    /// Open sessions at the end of each piece, by member.
    package private(set) var load: [[Int]]
    private var open = Array(repeating: 0, count: 2 * FleetScenario.listed)
    /// Clients that were served, and for whom nobody was found.
    package private(set) var served = 0
    package private(set) var turnedAway = 0
    package private(set) var longestWait = Duration.zero
    /// The shortest pauses between probes of one endpoint by one gateway: while it answered, and while it did not.
    package private(set) var shortestPause: (answering: Duration?, not: Duration?)
    /// The most probes of one endpoint by one gateway within any ten seconds, in the same way.
    package private(set) var mostInTenSeconds = (answering: 0, not: 0)
    /// Moments at which more sessions than least-sessions allows were given to somebody.
    package var notLeast = 0
    /// How far anybody was ever from his share, in sessions of one gateway.
    package var farthestFromShare = 0.0
    /// Calls of control machines.
    package var decisions = 0
    /// Gateways whose sessions go to a member while one that is clearly faster answers, once all had settled.
    package var notFastest = 0
    private var lastProbes: [[Instant]]

    init(_ scenario: FleetScenario) {
        self.scenario = scenario
        let pieces = Int((scenario.end - .zero) / Self.piece) + 1
        self.pieces = pieces
        let empty = Array(repeating: 0, count: pieces)
        let byMember = Array(repeating: empty, count: 2 * FleetScenario.listed)
        (joined, dials, probes, load) = (byMember, byMember, byMember, byMember)
        (resets, questions, came) = (empty, empty, empty)
        lastProbes = Array(repeating: [], count: scenario.gateways * 2 * FleetScenario.listed)
    }

    private func index(_ now: Instant) -> Int {
        min(pieces - 1, Int((now - .zero).wholeNanoseconds / Self.piece.wholeNanoseconds))
    }

    mutating func clientCame(at now: Instant) { came[index(now)] += 1 }

    mutating func dialed(_ member: Int, at now: Instant) { dials[member][index(now)] += 1 }

    mutating func asked(_ tries: [Duration], at now: Instant) {
        for wait in tries { questions[index(now + wait)] += 1 }
    }

    mutating func joined(_ member: Int, keepsSession: Bool, after wait: Duration, at now: Instant) {
        open[member] += 1
        served += 1
        longestWait = max(longestWait, wait)
        if keepsSession { joined[member][index(now)] += 1 }
    }

    mutating func turnedAway(after wait: Duration) {
        turnedAway += 1
        longestWait = max(longestWait, wait)
    }

    mutating func ended(_ count: Int, on member: Int, areReset: Bool, at now: Instant) {
        open[member] -= count
        if areReset { resets[index(now)] += count }
    }

    mutating func probed(_ member: Int, by gateway: Int, isAnswering: Bool, at now: Instant) {
        probes[member][index(now)] += 1
        let place = gateway * 2 * FleetScenario.listed + member
        let pause = lastProbes[place].last.map { now - $0 }
        lastProbes[place].removeAll { now - $0 > .seconds(10) }
        lastProbes[place].append(now)
        let count = lastProbes[place].count
        if isAnswering {
            shortestPause.answering = [shortestPause.answering, pause].compactMap { $0 }.min()
            mostInTenSeconds.answering = max(mostInTenSeconds.answering, count)
        } else {
            shortestPause.not = [shortestPause.not, pause].compactMap { $0 }.min()
            mostInTenSeconds.not = max(mostInTenSeconds.not, count)
        }
    }

    mutating func pieceEnded(at now: Instant) {
        let piece = index(now)
        for member in open.indices { load[member][piece] = open[member] }
    }
}
