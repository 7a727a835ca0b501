import Gateway
import GatewaySimulation

/// A scenario, and what is promised of it.
struct FleetCase {
    /// What befalls the cluster.
    enum Kind {
        case vanishes, killed, allDown, replaced, nameless, unwatched, rebalanced, slow
    }

    let kind: Kind
    var scenario: FleetScenario

    private static func at(_ seconds: Int) -> Instant { .zero + .seconds(seconds) }

    /// A member's host vanishes under the fleet and returns: one for each policy, and each has its chart.
    static let lives = Policy.allCases.map { policy in
        FleetCase(
            kind: .vanishes,
            scenario: FleetScenario(
                "a member vanishes", policy, [(at(40), .memberVanishes(0)), (at(80), .memberReturns(0))],
                settled: at(60), until: at(150)))
    }

    /// All other things that befall a cluster.
    static var others: [FleetCase] {
        let killed = FleetScenario(
            "a member is killed", .pinned, [(at(40), .memberDies(0))], settled: at(60), until: at(70))
        let allDown = FleetScenario(
            "all are killed, back after 15 s", .pinned, [(at(40), .allDie), (at(55), .allReturn)], settled: at(70),
            until: at(80))
        let replaced = FleetScenario(
            "DNS names five others", .pinned, [(at(40), .othersAreListed)], settled: at(130), until: at(140))
        let nameless = FleetScenario(
            "the name server is silent for a minute", .pinned, [(at(40), .namesFallSilent), (at(100), .namesReturn)],
            settled: at(130), until: at(160))
        return [
            FleetCase(kind: .killed, scenario: killed), FleetCase(kind: .allDown, scenario: allDown),
            FleetCase(kind: .replaced, scenario: replaced), FleetCase(kind: .nameless, scenario: nameless),
            unwatched, rebalanced, slow,
        ]
    }

    private static var unwatched: FleetCase {
        var scenario = FleetScenario(
            "a member vanishes, `--health-interval=0`", .roundRobin, [(at(40), .memberVanishes(0))], settled: at(60),
            until: at(80))
        scenario.healthInterval = nil
        return FleetCase(kind: .unwatched, scenario: scenario)
    }

    /// Many sessions for few gateways: a tenth of a share must be more than one.
    private static var rebalanced: FleetCase {
        var scenario = FleetScenario(
            "a member vanishes, `--rebalance=60`", .roundRobin,
            [(at(40), .memberVanishes(0)), (at(60), .memberReturns(0))], settled: at(55), until: at(200))
        (scenario.rebalance, scenario.kept, scenario.gateways) = (60, 60, 2_000)
        return FleetCase(kind: .rebalanced, scenario: scenario)
    }

    private static var slow: FleetCase {
        let scenario = FleetScenario(
            "a member needs 400 ms more for 30 s", .roundRobin,
            [(at(40), .memberSlows(0, by: .milliseconds(400))), (at(70), .memberSlows(0, by: .zero))],
            settled: at(60), until: at(90))
        return FleetCase(kind: .slow, scenario: scenario)
    }

    /// The same in less time: all ten thousand where a member vanishes, a tenth of them elsewhere.
    static var short: [FleetCase] {
        let lives = Policy.allCases.map { policy in
            var scenario = FleetScenario(
                "a member vanishes", policy, [(at(12), .memberVanishes(0))], settled: at(23), until: at(24))
            scenario.startsWithin = .seconds(5)
            return FleetCase(kind: .vanishes, scenario: scenario)
        }
        return lives
            + others.map { other in
                var few = other
                few.scenario.gateways = few.kind == .rebalanced ? 200 : 1_000
                return few
            }
    }
}
