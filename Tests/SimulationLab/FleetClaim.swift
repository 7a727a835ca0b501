import Gateway
import GatewaySimulation

/// Something that is promised of a fleet, and whether it is true.
struct FleetClaim {
    let text: String
    let holds: Bool

    private init(_ text: String, _ holds: Bool) {
        (self.text, self.holds) = (text, holds)
    }

    private init(_ text: String, _ figure: Double, atMost limit: Double) {
        self.init("\(text): \(oneDecimal(figure)), at most \(oneDecimal(limit))", figure <= limit)
    }

    private init(_ text: String, _ figure: Duration?, atMost limit: Duration) {
        let words = figure.map { "\(seconds($0)) s" } ?? "never"
        self.init("\(text): \(words), at most \(seconds(limit)) s", figure.map { $0 <= limit } ?? false)
    }

    /// All that is promised of what has been recorded.
    static func all(_ kind: FleetCase.Kind, _ figures: FleetFigures) -> [FleetClaim] {
        background(figures) + shares(figures) + suspicion(kind, figures) + clients(kind, figures) + own(kind, figures)
    }

    /// The probes of a healthy cluster: 2,000 a second and member for ten thousand gateways, in one second a fifth more.
    private static func background(_ figures: FleetFigures) -> [FleetClaim] {
        let (budget, (mean, most)) = (2_000 * Double(figures.scenario.gateways) / 10_000, figures.probesSteady)
        // Fewer gateways are spread less evenly over a second.
        let uneven = 1.2 + 0.3 * (1 - min(1, Double(figures.scenario.gateways) / 10_000))
        return [
            FleetClaim("probes a second and member without suspicion", mean, atMost: budget * 1.02),
            FleetClaim("the same in the worst second", Double(most), atMost: budget * uneven),
        ]
    }

    private static func shares(_ figures: FleetFigures) -> [FleetClaim] {
        let record = figures.record
        switch figures.scenario.policy {
        case .pinned: return []
        case .fastest:
            return [FleetClaim("gateways that serve from a slower member", Double(record.notFastest), atMost: 0)]
        case .leastSessions:
            return [FleetClaim("sessions given to one who had more than another", Double(record.notLeast), atMost: 0)]
        case .roundRobin, .weighted:
            return [
                FleetClaim("sessions of a gateway away from a share, at most", record.farthestFromShare, atMost: 2.99)
            ]
        }
    }

    /// Suspected or resting, an endpoint gets at most ten probes in ten seconds from a gateway. Where clients are held because
    /// nobody is left each is looked at every 400 ms, and once more at either end: also the one that answers again by then.
    private static func suspicion(_ kind: FleetCase.Kind, _ figures: FleetFigures) -> [FleetClaim] {
        let most = figures.record.mostInTenSeconds
        let limit = kind == .allDown ? 30.0 : 10
        return [
            FleetClaim("probes of one gateway and member that answers in 10 s", Double(most.answering), atMost: limit),
            FleetClaim("probes of one gateway and member that does not, in 10 s", Double(most.not), atMost: limit),
        ]
    }

    private static func clients(_ kind: FleetCase.Kind, _ figures: FleetFigures) -> [FleetClaim] {
        guard kind != .allDown else { return [] }
        return [
            FleetClaim("clients turned away", Double(figures.record.turnedAway), atMost: 0),
            FleetClaim("the longest wait of a client", figures.record.longestWait, atMost: .milliseconds(260)),
        ]
    }

    private static func own(_ kind: FleetCase.Kind, _ figures: FleetFigures) -> [FleetClaim] {
        switch kind {
        case .vanishes: evenness(figures) + spreading(figures) + [leaving(figures, within: .seconds(8))]
        case .killed: evenness(figures) + [leaving(figures, within: .milliseconds(200)), dials(figures)]
        case .allDown: recovery(figures)
        case .replaced: evenness(figures) + spreading(figures) + [dials(figures)]
        case .nameless: [noResets(figures)]
        case .unwatched:
            evenness(figures) + spreading(figures) + [leaving(figures, within: .seconds(12))]
                + [FleetClaim("probes while nothing happens", Double(figures.probesWhileSteady), atMost: 0)]
        case .rebalanced: rebalancing(figures)
        case .slow: [noResets(figures)] + evenness(figures)
        }
    }

    /// `fastest` spreads as the distances are spread; here they are so that all are near to equally many.
    private static func evenness(_ figures: FleetFigures) -> [FleetClaim] {
        let noise = max(1, (10_000 / Double(figures.scenario.gateways)).squareRoot())
        return [
            FleetClaim("load away from even before, in %", figures.unevennessBefore, atMost: 10 * noise),
            FleetClaim("load of the survivors away from even, in %", figures.unevennessSettled, atMost: 10 * noise),
        ]
    }

    private static func spreading(_ figures: FleetFigures) -> [FleetClaim] {
        let share = 100 * Double(figures.reconnectPeak) / Double(max(1, figures.resets))
        return [FleetClaim("of all that reconnect, in the worst 100 ms, in %", share, atMost: 10), dials(figures)]
    }

    private static func dials(_ figures: FleetFigures) -> FleetClaim {
        FleetClaim("dials of survivors for each client", figures.dialsPerClient, atMost: 1.05)
    }

    private static func leaving(_ figures: FleetFigures, within limit: Duration) -> FleetClaim {
        FleetClaim("the last session has left the struck member after", figures.timeToLeave, atMost: limit)
    }

    private static func noResets(_ figures: FleetFigures) -> FleetClaim {
        FleetClaim("sessions reset", Double(figures.resets), atMost: 0)
    }

    private static func recovery(_ figures: FleetFigures) -> [FleetClaim] {
        [
            FleetClaim("all sessions are open again after", figures.timeToRecover, atMost: .seconds(1)),
            FleetClaim("the longest wait of a client", figures.record.longestWait, atMost: .milliseconds(10_010)),
        ]
    }

    private static func rebalancing(_ figures: FleetFigures) -> [FleetClaim] {
        [
            FleetClaim(
                "sessions moved in the worst second, of each gateway",
                Double(figures.movedInWorstSecond)
                    / Double(figures.scenario.gateways), atMost: 1.05),
            FleetClaim("load away from even at the end, in %, upwards", figures.excessAtEnd, atMost: 10),
        ]
    }
}

/// For words about figures.
func oneDecimal(_ figure: Double) -> String {
    let tenths = Int((figure * 10).rounded())
    return tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
}

/// A duration in seconds with two decimals.
func seconds(_ duration: Duration) -> String {
    let hundredths = Int((duration / .milliseconds(10)).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
}
