/// What one process of the gateway leaves to the next: which number each endpoint has, for sessions that live on know
/// theirs by it, what was believed of it, and who served. It is written while the process runs, so that one that was killed
/// has left it too.
public struct Handover: Equatable, Sendable {
    /// One endpoint as it was.
    public struct Entry: Equatable, Sendable {
        /// Its number, by which sessions are counted.
        public var id: EndpointID
        /// What its source said.
        public var declaration: EndpointDeclaration
        /// Whether it was believed good.
        public var isGood: Bool
        /// Where it could be dialed, at most 16.
        public var addresses: [SocketAddress]

        /// An endpoint in all its parts.
        public init(id: EndpointID, declaration: EndpointDeclaration, isGood: Bool, addresses: [SocketAddress]) {
            self.id = id
            self.declaration = declaration
            self.isGood = isGood
            self.addresses = addresses
        }
    }

    /// An endpoint that an administrator has taken out of service.
    public struct Drained: Equatable, Sendable {
        /// Who.
        public var key: EndpointKey
        /// How long its sessions might go on, in milliseconds.
        public var grace: UInt32
        /// How long from when this was written, in milliseconds.
        public var left: UInt32
    }

    /// Where the endpoints came from, as in a ``LastGoodSet``.
    public var source: String
    /// All of them, those that their source does not name any more included.
    public var entries: [Entry]
    /// Who got the new sessions.
    public var pinned: EndpointID?
    /// Who is out of service.
    public var drained: [Drained] = []
    /// What was counted.
    public var totals = Totals()

    /// What is left in all its parts.
    public init(source: String, entries: [Entry], pinned: EndpointID? = nil) {
        self.source = source
        self.entries = entries
        self.pinned = pinned
    }

    /// Nothing but the addresses at which sessions are found that nobody has told us of.
    public init(source: String, found places: [EndpointID: SocketAddress]) {
        let entries = places.sorted { $0.key < $1.key }.map { id, address in
            Entry(
                id: id,
                declaration: EndpointDeclaration(
                    key: EndpointKey(host: .address(address.ip), port: address.port), priority: 0, weight: 0,
                    origin: .configured, speaksTLS: nil),
                isGood: true, addresses: [address])
        }
        self.init(source: source, entries: entries)
    }

    /// The same, beside sessions that were found at these places: of numbers that are not known, the places are; of numbers
    /// that are used twice, or for another place, it is the sessions that are right.
    public func completed(by places: [EndpointID: SocketAddress]) -> Handover {
        var completed = self
        let known = Set(entries.map(\.id))
        completed.entries += Handover(source: source, found: places.filter { !known.contains($0.key) }).entries
        return completed
    }

    /// What serves a start without DNS, if nothing better is remembered. Where sessions were found that nobody has told us of,
    /// there may be somebody whom DNS has removed: nobody is dialed there, unless nothing else is known.
    var lastGoodSet: LastGoodSet {
        let discovered = self.entries.filter { $0.declaration.origin != .configured }
        let entries = (discovered.isEmpty ? self.entries : discovered).filter(\.isGood).map { entry in
            LastGoodSet.Entry(
                declaration: entry.declaration,
                addresses: entry.declaration.key.host.isName ? entry.addresses.map(\.ip) : [])
        }
        return LastGoodSet(source: source, entries: entries)
    }
}

extension Handover.Drained {
    fileprivate init(_ key: EndpointKey, _ drain: Drain, at now: Instant) {
        self.init(
            key: key, grace: UInt32(clamping: drain.grace.wholeNanoseconds / 1_000_000),
            left: UInt32(clamping: (drain.due - now).wholeNanoseconds / 1_000_000))
    }
}

extension Drain {
    fileprivate init(_ drained: Handover.Drained, at now: Instant) {
        self.init(grace: .milliseconds(Int64(drained.grace)), due: now + .milliseconds(Int64(drained.left)))
    }
}

extension Host {
    fileprivate var isName: Bool { if case .name = self { true } else { false } }
}

extension ControlMachine {
    /// What the next process needs of this one.
    public var handover: Handover {
        let entries = endpoints.allIDs.compactMap { id -> Handover.Entry? in
            guard let member = endpoints[id], let health = health[id], let place = health.place else { return nil }
            return Handover.Entry(
                id: id, declaration: member.declaration, isGood: health.isGood,
                addresses: Array(place.prefix(Self.addressesAtMost)))
        }
        return Handover(source: options.rememberedSource, entries: entries, pinned: told.pinned)
    }

    /// The same, at a time when it is also known how long endpoints that are out of service have left.
    public func handover(at now: Instant) -> Handover {
        var handover = handover
        handover.drained = drainedEndpoints.compactMap { key in
            drains[key].map { Handover.Drained(key, $0, at: now) }
        }
        return handover
    }

    /// Takes over what an earlier process has left. The endpoints are former places until somebody declares them: with their
    /// number, their sessions and what was believed of them.
    mutating func inherit(_ handover: Handover, at now: Instant) {
        for entry in handover.entries where !entry.addresses.isEmpty {
            guard endpoints.inherit(entry.id, entry.declaration, at: now) else { continue }
            health[entry.id] = EndpointHealth(
                inherited: entry, options: ladderOptions(for: entry.declaration),
                measuresDials: options.policy == .fastest, at: now)
        }
        for drained in handover.drained { drains[drained.key] = Drain(drained, at: now) }
        if let pinned = handover.pinned { preference.begin(with: pinned) }
        if handover.source == options.rememberedSource, remembered == nil, options.discovery != nil {
            remembered = handover.lastGoodSet
        }
        formerPlacesDue = now + Self.formerPlaceLastsAtLeast
    }
}
