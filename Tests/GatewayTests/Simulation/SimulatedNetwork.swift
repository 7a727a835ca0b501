import Gateway

/// What a connection attempt meets at each address.
struct SimulatedNetwork {
    enum Behaviour: CaseIterable {
        case listening
        case refusing
        case silent
        case unreachable
    }

    private struct Place {
        var behaviour: Behaviour
        var since: Instant
    }

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

    /// Whether somebody has listened there without a break since `start`.
    func hasListened(_ address: SocketAddress, since start: Instant) -> Bool {
        guard let place = places[address], place.behaviour == .listening else { return false }
        return place.since <= start
    }

    /// What an attempt that begins now will come to, and when: `nil` for never.
    func verdict(of address: SocketAddress) -> (after: Duration, failure: DialFailure?)? {
        if isShort { return (.zero, .local) }
        switch places[address]?.behaviour ?? .unreachable {
        case .listening: return (Self.roundTrip, nil)
        case .refusing: return (Self.roundTrip, .refused)
        case .unreachable: return (.zero, .unreachable)
        case .silent: return nil
        }
    }

    /// What a probe of these addresses, one after the other, will come to, and when.
    func probe(_ addresses: [SocketAddress]) -> (after: Duration, address: SocketAddress?, outcome: ProbeOutcome) {
        var (spent, last) = (Duration.zero, DialFailure.unreachable)
        for address in addresses {
            guard let verdict = verdict(of: address) else {
                spent += .milliseconds(500)
                last = .timedOut
                continue
            }
            spent += verdict.after
            guard let failure = verdict.failure else { return (spent, address, .connected) }
            last = failure
        }
        return (spent, nil, .failed(last, .dialing))
    }
}
