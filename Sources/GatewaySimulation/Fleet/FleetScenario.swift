import Gateway

/// A fleet of gateways, the cluster behind them, and what befalls it when.
package struct FleetScenario: Sendable {
    /// What happens to the cluster.
    package enum Happening: Sendable {
        /// A member's process ends: its kernel resets all sessions and refuses new ones.
        case memberDies(Int)
        /// A member's host is cut off: nothing comes back from it any more.
        case memberVanishes(Int)
        /// It listens again.
        case memberReturns(Int)
        /// All of the first five die at once.
        case allDie
        case allReturn
        /// A member needs so much longer for each answer.
        case memberSlows(Int, by: Duration)
        /// The zone names the second five members instead of the first.
        case othersAreListed
        /// The name server says nothing any more.
        case namesFallSilent
        case namesReturn
    }

    /// How many members the zone lists at a time; as many more stand by.
    package static let listed = 5

    package var name: String
    package var policy: Policy
    package var gateways = 10_000
    package var seed: UInt64 = 1
    /// `--health-interval`; `nil` is 0.
    package var healthInterval: Duration? = .seconds(5)
    /// `--rebalance`.
    package var rebalance = 0
    /// How many sessions each gateway's clients keep: they connect again whenever they are reset.
    package var kept = 6
    /// Each gateway starts at a random instant within this time.
    package var startsWithin = Duration.seconds(10)
    package var happenings: [(due: Instant, what: Happening)]
    /// When it has been quiet for long enough after the first happening to look at who serves whom.
    package var settled: Instant
    package var end: Instant

    /// A fleet of ten thousand with the settings' defaults.
    package init(
        _ name: String, _ policy: Policy, _ happenings: [(due: Instant, what: Happening)], settled: Instant,
        until end: Instant
    ) {
        (self.name, self.policy, self.happenings) = (name, policy, happenings)
        (self.settled, self.end) = (settled, end)
    }

    /// When the first thing happens.
    package var blow: Instant { happenings.map(\.due).min() ?? end }

    /// Of use under `weighted` alone.
    private static let weights: [UInt16] = [2, 1, 1, 2, 4]

    /// What the zone says of this member.
    package func weight(of member: Int) -> UInt16 { policy == .weighted ? Self.weights[member % Self.listed] : 1 }
}
