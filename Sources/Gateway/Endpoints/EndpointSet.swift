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
    /// A slot is used again this long after it became free: late news of its last endpoint must not be taken for the next's.
    public static let slotRest = Duration.seconds(60)

    /// Where an endpoint stands.
    public enum Presence: Hashable, Sendable {
        /// Declared. Can transition to: missing.
        case present
        /// Not in the last answer; no new session while others are left. Can transition to: present, draining.
        case missing(since: Instant)
        /// Its removal is confirmed, and somebody else could be dialed then; sessions end by `until`. Can transition to: present; then it is forgotten.
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

    /// A place that an endpoint's host has left for other addresses: it may still have sessions.
    package struct FormerPlace: Equatable {
        var member: Member
        var since: Instant
        /// Where it stood in what an earlier process has left: an endpoint of the same key may claim it then.
        var inheritedAs: Int?
    }

    private struct FreeSlot: Equatable {
        var slot: UInt32
        var since: Instant
    }

    private var members: [EndpointKey: Member] = [:]
    private var keys: [EndpointID: EndpointKey] = [:]
    package private(set) var former: [EndpointID: FormerPlace] = [:]
    /// Missing ones whose removal needs no confirmation.
    private(set) var withdrawn: Set<EndpointKey> = []
    private var freeSlots: [FreeSlot] = []
    private var nextSlot: UInt32 = 0
    /// How long the sessions of an endpoint whose removal is confirmed may go on.
    public var removalGrace: Duration

    /// No endpoint at all.
    public init(removalGrace: Duration) {
        self.removalGrace = removalGrace
    }

    /// All known endpoints, by number.
    public var all: [Member] { members.values.sorted { $0.id < $1.id } }

    /// All numbers that are in use, those of former places included.
    public var allIDs: [EndpointID] { all.map(\.id) + former.keys.sorted() }

    /// The endpoint with this number, or the one whose former place has it.
    public subscript(id: EndpointID) -> Member? { keys[id].flatMap { members[$0] } ?? former[id]?.member }

    /// The endpoint with this key.
    public subscript(key: EndpointKey) -> Member? { members[key] }

    /// Takes a complete set from the source, which stated it at `statement`: of several answers that make it up the oldest
    /// counts, for only an answer that is newer than the doubt can confirm a removal; and none does where it may not.
    public mutating func declare(
        _ declarations: [EndpointDeclaration], asOf statement: Instant, mayConfirm: Bool = true, at now: Instant
    ) -> [Change] {
        let declared = Self.unique(declarations)
        let changes = declared.compactMap { take($0, at: now) }
        let keys = Set(declared.map(\.key))
        let missed = all.filter { !keys.contains($0.declaration.key) }
        return changes + missed.compactMap { miss($0, asOf: statement, mayConfirm, at: now) }
    }

    /// Takes a complete set that an administrator has stated. Nobody has to confirm that who is not in it shall go; but he is
    /// only missing until ``drainWithdrawn(at:)``, so that he serves until a successor can be dialed. Of those that were
    /// missing already the same is said only where no answer of a name service is waited for.
    public mutating func replace(
        with declarations: [EndpointDeclaration], missingToo: Bool, at now: Instant
    ) -> [Change] {
        let declared = Self.unique(declarations)
        let changes = declared.compactMap { take($0, at: now) }
        let keys = Set(declared.map(\.key))
        for member in members.values where !keys.contains(member.declaration.key) {
            switch member.presence {
            case .present:
                members[member.declaration.key]?.presence = .missing(since: now)
                withdrawn.insert(member.declaration.key)
            case .missing: if missingToo { withdrawn.insert(member.declaration.key) }
            case .draining: break
            }
        }
        return changes
    }

    /// Lets the sessions of those go that an administrator has withdrawn.
    mutating func drainWithdrawn(at now: Instant) -> [Change] {
        defer { withdrawn = [] }
        return all.filter { withdrawn.contains($0.declaration.key) }.map { drain($0, at: now) }
    }

    private mutating func drain(_ member: Member, at now: Instant) -> Change {
        members[member.declaration.key]?.presence = .draining(until: now + removalGrace)
        withdrawn.remove(member.declaration.key)
        return .startedDraining(member.id)
    }

    /// Each key once, with its lowest priority and then its highest weight, so that the order of the records, which name
    /// servers rotate, does not matter; nor does it where there are too many.
    private static func unique(_ declarations: [EndpointDeclaration]) -> [EndpointDeclaration] {
        var places: [EndpointKey: Int] = [:]
        var unique: [EndpointDeclaration] = []
        for declaration in declarations {
            guard let place = places[declaration.key] else {
                places[declaration.key] = unique.count
                unique.append(declaration)
                continue
            }
            let known = unique[place]
            let isBetter = (declaration.priority, known.weight) < (known.priority, declaration.weight)
            if isBetter { unique[place] = declaration }
        }
        guard unique.count > declaredAtMost else { return unique }
        let sorted = unique.map { ($0.priority, $0.key.description, $0) }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
        return sorted.prefix(declaredAtMost).map(\.2)
    }

    private mutating func take(_ declaration: EndpointDeclaration, at now: Instant) -> Change? {
        guard var member = members[declaration.key] else { return add(declaration, at: now) }
        let wasPresent = member.presence == .present
        let isSame = member.declaration == declaration
        member.declaration = declaration
        member.presence = .present
        withdrawn.remove(declaration.key)
        members[declaration.key] = member
        if !wasPresent { return .returned(member.id) }
        return isSame ? nil : .updated(member.id)
    }

    private mutating func add(_ declaration: EndpointDeclaration, at now: Instant) -> Change? {
        if let id = claim(declaration) { return .added(id) }
        // Without a slot (768 drain at once beside 256 declared) it is taken with a later answer.
        guard let slot = takeSlot(at: now) else { return nil }
        let id = EndpointID(slot: slot)
        members[declaration.key] = Member(id: id, declaration: declaration, presence: .present)
        keys[id] = declaration.key
        return .added(id)
    }

    /// Takes a number that an earlier process used. It is a former place until somebody declares an endpoint with the same
    /// key. False where the number is none, or in use.
    mutating func inherit(_ id: EndpointID, _ declaration: EndpointDeclaration, at now: Instant) -> Bool {
        guard id.slot < Self.slots, self[id] == nil else { return false }
        while nextSlot <= id.slot {
            freeSlots.append(FreeSlot(slot: nextSlot, since: now))
            nextSlot += 1
        }
        freeSlots.removeAll { $0.slot == id.slot }
        former[id] = FormerPlace(
            member: Member(id: id, declaration: declaration, presence: .present), since: now, inheritedAs: former.count)
        return true
    }

    /// An inherited number for an endpoint that is declared again. Where there are several the one that was told of first: the
    /// others are places that it had left before.
    private mutating func claim(_ declaration: EndpointDeclaration) -> EndpointID? {
        let places = former.filter { $0.value.member.declaration.key == declaration.key }
            .compactMap { id, place in place.inheritedAs.map { (id, $0) } }
        guard let id = places.min(by: { $0.1 < $1.1 })?.0 else { return nil }
        former[id] = nil
        members[declaration.key] = Member(id: id, declaration: declaration, presence: .present)
        keys[id] = declaration.key
        return id
    }

    private mutating func takeSlot(at now: Instant) -> UInt32? {
        if nextSlot < Self.slots {
            nextSlot += 1
            return nextSlot - 1
        }
        guard let oldest = freeSlots.first, now - oldest.since >= Self.slotRest else { return nil }
        return freeSlots.removeFirst().slot
    }

    private mutating func miss(
        _ member: Member, asOf statement: Instant, _ mayConfirm: Bool, at now: Instant
    ) -> Change? {
        switch member.presence {
        case .present:
            members[member.declaration.key]?.presence = .missing(since: now)
            return .wentMissing(member.id)
        case .missing(let since):
            guard mayConfirm, statement - since >= Self.confirmationDelay else { return nil }
            return drain(member, at: now)
        case .draining:
            return nil
        }
    }

    /// Gives an endpoint whose host has moved another number: the old one stands for the place that it has left. `nil` where
    /// no slot is free.
    mutating func move(_ id: EndpointID, at now: Instant) -> EndpointID? {
        guard let key = keys[id], let slot = takeSlot(at: now) else { return nil }
        exchange(key, EndpointID(slot: slot), at: now)
        return EndpointID(slot: slot)
    }

    /// The endpoint's host is back at a former place.
    mutating func moveBack(_ id: EndpointID, to former: EndpointID, at now: Instant) {
        guard let key = keys[id], self.former.removeValue(forKey: former) != nil else { return }
        exchange(key, former, at: now)
    }

    private mutating func exchange(_ key: EndpointKey, _ new: EndpointID, at now: Instant) {
        guard let member = members[key] else { return }
        former[member.id] = FormerPlace(member: member, since: now)
        keys[member.id] = nil
        keys[new] = key
        members[key]?.id = new
    }

    /// Nobody is left at a former place.
    mutating func forget(_ id: EndpointID, at now: Instant) {
        guard former.removeValue(forKey: id) != nil else { return }
        freeSlots.append(FreeSlot(slot: id.slot, since: now))
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
            keys[member.id] = nil
            freeSlots.append(FreeSlot(slot: member.id.slot, since: now))
            return .expired(member)
        }
    }
}
