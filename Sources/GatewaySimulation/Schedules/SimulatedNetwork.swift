import Gateway

/// What a connection attempt meets at each address.
struct SimulatedNetwork {
    enum Behaviour: CaseIterable {
        case listening
        case refusing
        case silent
        case unreachable
        /// The kernel accepts, and nobody answers.
        case frozen
    }

    private struct Place {
        var behaviour: Behaviour
        var since: Instant
    }

    /// How long a probe waits for each step.
    private static let probePatience = Duration.milliseconds(500)

    private var places: [SocketAddress: Place] = [:]
    /// Whether this machine is short of descriptors, memory or ports.
    private(set) var isShort = false
    private(set) var shortChangedAt = Instant.zero

    static let roundTrip = Duration.milliseconds(1)

    mutating func set(_ address: SocketAddress, _ behaviour: Behaviour, at now: Instant) {
        guard places[address]?.behaviour != behaviour else { return }
        places[address] = Place(behaviour: behaviour, since: now)
    }

    mutating func setShort(_ short: Bool, at now: Instant) {
        isShort = short
        shortChangedAt = now
    }

    func behaviour(at address: SocketAddress) -> Behaviour { places[address]?.behaviour ?? .unreachable }

    /// Whether somebody has listened there without a break since `start`.
    func hasListened(_ address: SocketAddress, since start: Instant) -> Bool {
        guard let place = places[address], place.behaviour == .listening else { return false }
        return place.since <= start
    }

    /// What an attempt that begins now will come to, and when: `nil` for never.
    func verdict(of address: SocketAddress) -> (after: Duration, failure: DialFailure?)? {
        if isShort { return (.zero, .local) }
        switch places[address]?.behaviour ?? .unreachable {
        case .listening, .frozen: return (Self.roundTrip, nil)
        case .refusing: return (Self.roundTrip, .refused)
        case .unreachable: return (.zero, .unreachable)
        case .silent: return nil
        }
    }

    /// How long connecting takes: for each address its own time, which nothing changes.
    func dialTime(of address: SocketAddress?) -> Duration? {
        guard case .v4(let ip) = address?.ip else { return nil }
        return .microseconds(Int(ip % 7 + 1) * 500)
    }

    /// What a probe of these addresses, one after the other, will come to, where, and when.
    func probe(
        _ probe: EndpointHealth.Probe, ofTLS isSecure: Bool
    ) -> (after: Duration, outcome: ProbeOutcome, address: SocketAddress?) {
        var (spent, last) = (Duration.zero, DialFailure.unreachable)
        for address in probe.addresses {
            let verdict = verdict(of: address)
            spent += verdict?.after ?? Self.probePatience
            last = verdict.map { $0.failure ?? last } ?? .timedOut
            guard let verdict, verdict.failure == nil else { continue }
            if places[address]?.behaviour == .frozen, probe.kind != .tcp {
                return (spent + Self.probePatience, .failed(.timedOut, .connected), address)
            }
            return (spent + Self.roundTrip, Self.answer(to: probe.kind, ofTLS: isSecure), address)
        }
        return (spent, .failed(last, .dialing), nil)
    }

    private static func answer(to kind: ProbeKind, ofTLS isSecure: Bool) -> ProbeOutcome {
        switch kind {
        case .tcp: .connected
        case .tls: isSecure ? .tlsAnswered : .unusable(.notTLS)
        case .http: isSecure ? .unusable(.wantsTLS) : .http(.healthy)
        case .https: isSecure ? .unusable(.tlsRefused) : .unusable(.notTLS)
        }
    }
}
