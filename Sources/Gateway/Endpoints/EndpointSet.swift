/// Which endpoints there are, and how that changes.
///
/// An endpoint that is no longer declared is not forgotten at once: DNS answers are hints, never orders. It is missing
/// first; only a second answer at least ``confirmationDelay`` later starts the drain of its sessions.
public struct EndpointSet: Equatable, Sendable {
    /// How many endpoints can be known at a time, missing and draining ones included: the data plane's slots.
    public static let slots: UInt32 = 1024
    /// How many one declaration may contain; more are cut (design: DNS answers are bounded).
    public static let declaredAtMost = 256
    /// How much later a second answer must confirm a removal.
    public static let confirmationDelay = Duration.seconds(5)

    /// Where an endpoint stands.
    public enum Presence: Hashable, Sendable {
        /// Declared. Can transition to: missing.
        case present
        /// Not in the last answer; no new session while others are left. Can transition to: present, draining.
        case missing(since: Instant)
        /// Its removal is confirmed; sessions end by `until`. Can transition to: present; then it is forgotten.
        case draining(until: Instant)
    }

    /// One known endpoint.
    public struct Member: Equatable, Sendable {
        /// Its number.
        public var id: EndpointID
        /// What its source last said of it.
        public var declaration: EndpointDeclaration
        /// Whether its source still says so.
        public var presence: Presence
    }

    /// What a declaration or the passing of time has changed.
    public enum Change: Equatable, Sendable {
        case added(EndpointID)
        case updated(EndpointID)
        case returned(EndpointID)
        case wentMissing(EndpointID)
        case startedDraining(EndpointID)
        /// Its grace is over: what sessions it still has must end.
        case expired(Member)
    }

    private var members: [EndpointKey: Member] = [:]
    private var freeSlots: [UInt32] = []
    private var nextSlot: UInt32 = 0
    /// How long the sessions of an endpoint whose removal is confirmed may go on.
    public var removalGrace: Duration

    /// No endpoint at all.
    public init(removalGrace: Duration) {
        self.removalGrace = removalGrace
    }

    /// All known endpoints, by number.
    public var all: [Member] { members.values.sorted { $0.id < $1.id } }

    /// The endpoint with this number.
    public subscript(id: EndpointID) -> Member? { members.values.first { $0.id == id } }

    /// Takes a complete set from the source. A key that occurs twice counts once, with its lowest priority.
    public mutating func declare(_ declarations: [EndpointDeclaration], at now: Instant) -> [Change] {
        var declared: [EndpointKey: EndpointDeclaration] = [:]
        var order: [EndpointKey] = []
        for declaration in declarations where order.count < Self.declaredAtMost {
            guard let known = declared[declaration.key] else {
                declared[declaration.key] = declaration
                order.append(declaration.key)
                continue
            }
            if declaration.priority < known.priority { declared[declaration.key] = declaration }
        }
        let changes = order.compactMap { key in declared[key].flatMap { take($0) } }
        return changes + all.compactMap { declared[$0.declaration.key] == nil ? miss($0, at: now) : nil }
    }

    private mutating func take(_ declaration: EndpointDeclaration) -> Change? {
        guard var member = members[declaration.key] else { return add(declaration) }
        let wasPresent = member.presence == .present
        let isSame = member.declaration == declaration
        member.declaration = declaration
        member.presence = .present
        members[declaration.key] = member
        if !wasPresent { return .returned(member.id) }
        return isSame ? nil : .updated(member.id)
    }

    private mutating func add(_ declaration: EndpointDeclaration) -> Change? {
        let slot: UInt32
        if nextSlot < Self.slots {
            slot = nextSlot
            nextSlot += 1
        } else if !freeSlots.isEmpty {
            slot = freeSlots.removeFirst()  // the one that has been free for longest
        } else {
            return nil  // 768 drain at once beside 256 declared: it is taken with a later answer
        }
        let id = EndpointID(slot: slot)
        members[declaration.key] = Member(id: id, declaration: declaration, presence: .present)
        return .added(id)
    }

    private mutating func miss(_ member: Member, at now: Instant) -> Change? {
        switch member.presence {
        case .present:
            members[member.declaration.key]?.presence = .missing(since: now)
            return .wentMissing(member.id)
        case .missing(let since):
            guard now - since >= Self.confirmationDelay else { return nil }
            members[member.declaration.key]?.presence = .draining(until: now + removalGrace)
            return .startedDraining(member.id)
        case .draining:
            return nil
        }
    }

    /// When the next drain is over.
    public var nextDeadline: Instant? {
        members.values.compactMap { member in
            if case .draining(let until) = member.presence { until } else { nil }
        }.min()
    }

    /// When an answer could confirm a removal: asking before is of no use for that, waiting long after keeps sessions alive.
    public var confirmationDue: Instant? {
        members.values.compactMap { member in
            if case .missing(let since) = member.presence { since + Self.confirmationDelay } else { nil }
        }.min()
    }

    /// Forgets the endpoints whose drain is over.
    public mutating func timePassed(_ now: Instant) -> [Change] {
        all.compactMap { member in
            guard case .draining(let until) = member.presence, until <= now else { return nil }
            members[member.declaration.key] = nil
            freeSlots.append(member.id.slot)
            return .expired(member)
        }
    }
}
