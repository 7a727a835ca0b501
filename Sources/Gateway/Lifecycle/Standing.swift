/// How the gateway is doing, in one line for people: `3/3 endpoints, 12 sessions`.
public struct Standing: Hashable, Sendable {
    /// How many endpoints are believed good.
    public var good: Int
    /// The others, which get no new session while somebody is good.
    public var bad: [EndpointKey]
    /// Whose DNS records are to name the endpoints; `nil` without discovery.
    public var discoveryDomain: String?
    /// Sessions, those still dialing included.
    public var sessions: UInt64
    /// Clients that wait because nobody answers.
    public var heldClients: Int
    /// Those among the endpoints that an administrator has taken out of service.
    public var drained: [EndpointKey] = []
    /// How long sessions may still go on, where the end has begun.
    public var timeLeft: Duration?

    /// How many endpoints are named where all are bad.
    private static let mostNamed = 3

    /// A standing in all its parts.
    public init(
        good: Int, bad: [EndpointKey], discoveryDomain: String?, sessions: UInt64, heldClients: Int,
        drained: [EndpointKey] = []
    ) {
        self.good = good
        self.bad = bad
        self.discoveryDomain = discoveryDomain
        self.sessions = sessions
        self.heldClients = heldClients
        self.drained = drained
    }
}

extension Standing: CustomStringConvertible {
    /// The line.
    public var description: String {
        if let timeLeft { return stopping(timeLeft) }
        return ([endpoints] + outOfService + [count(sessions, "session")] + held).joined(separator: ", ")
    }

    /// A second that has begun counts.
    private func stopping(_ timeLeft: Duration) -> String {
        let seconds = (max(.zero, timeLeft).wholeNanoseconds + 999_999_999) / 1_000_000_000
        return sessions == 0 ? "stopping" : "stopping, \(count(sessions, "session")) left, \(seconds) s"
    }

    private var outOfService: [String] {
        drained.isEmpty ? [] : ["\(drained.count) out of service"]
    }

    private var endpoints: String {
        let all = good + bad.count
        if all == 0 {
            return "no endpoint known" + (discoveryDomain.map { "; waiting for DNS to name those of \($0)" } ?? "")
        }
        let figures = "\(good)/\(all) endpoint\(all == 1 ? "" : "s")"
        return good == 0 ? "\(figures), waiting for \(names)" : figures
    }

    private var names: String {
        let named = bad.prefix(Self.mostNamed).map(\.description).joined(separator: ", ")
        return bad.count > Self.mostNamed ? "\(named) and \(bad.count - Self.mostNamed) more" : named
    }

    private var held: [String] {
        heldClients == 0 ? [] : ["\(count(UInt64(heldClients), "client")) held"]
    }

    private func count(_ number: UInt64, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }
}

extension ControlMachine {
    /// What is believed now, beside so many sessions of the loops. An endpoint that was removed is none any more.
    public func standing(sessions: UInt64) -> Standing {
        let present = endpoints.all.filter { $0.presence == .present }
        let bad = present.filter { health[$0.id]?.isGood == false }.map(\.declaration.key)
        return Standing(
            good: present.count - bad.count, bad: bad, discoveryDomain: options.discovery?.domain, sessions: sessions,
            heldClients: heldClients, drained: drainedEndpoints)
    }
}
