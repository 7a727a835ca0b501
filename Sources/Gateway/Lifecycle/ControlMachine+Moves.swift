// Hosts that move to other addresses.
extension ControlMachine {
    /// How many former places are looked after; beyond that the oldest is left to TCP.
    static let formerPlacesAtMost = 64
    /// How long a former place is kept in any case: dials that began before the move may still end there.
    static let formerPlaceLastsAtLeast = Duration.seconds(5)

    /// A name that leads to other addresses altogether leads to another server. What is believed of it is asked there; the
    /// sessions of the old place stay with a number of their own, and what they suffer is asked at the old addresses.
    mutating func follow(_ member: EndpointSet.Member, to new: [SocketAddress], at now: Instant) -> EndpointID {
        guard let old = health[member.id], let left = old.place, !new.isEmpty, !newcomers.contains(member.id),
            left.allSatisfy({ !new.contains($0) })
        else { return member.id }
        let known = endpoints.former.first { id, place in
            place.member.declaration.key == member.declaration.key
                && health[id]?.addresses.contains(where: new.contains) == true
        }
        if let known {
            endpoints.moveBack(member.id, to: known.key, at: now)
            take(over: member.id, as: known.key, at: now)
            return known.key
        }
        guard let id = endpoints.move(member.id, at: now) else { return member.id }
        health[id] = old
        health[id]?.movedOn()
        take(over: member.id, as: id, at: now)
        forgetOldestPlace(at: now)
        return id
    }

    private mutating func take(over old: EndpointID, as new: EndpointID, at now: Instant) {
        health[old]?.returnedToPlace()
        verification[new] = verification.removeValue(forKey: old)
        preference.rename(old, new)
        formerPlacesDue = formerPlacesDue ?? now + Self.formerPlaceLastsAtLeast
        if told.pinned == old { told.pinned = new }
    }

    /// Forgets the former places that have no session any more.
    mutating func lookAtFormerPlaces(at now: Instant) {
        for (id, place) in endpoints.former where now - place.since >= Self.formerPlaceLastsAtLeast {
            if activity[id].map({ $0.sessions == 0 }) ?? true { forgetPlace(id, at: now) }
        }
        let next = endpoints.former.values.map { place in
            let first = place.since + Self.formerPlaceLastsAtLeast
            return first > now ? first : now + EndpointHealth.idleInterval
        }
        formerPlacesDue = next.min()
    }

    /// The endpoint is gone for good, and so are its former places.
    mutating func removeFormerPlaces(of key: EndpointKey, at now: Instant) -> [Action] {
        let places = endpoints.former.filter { $0.value.member.declaration.key == key }.keys.sorted()
        for id in places { forgetPlace(id, at: now) }
        expectLatecomers(places, at: now)
        return places.map { .resetSessions($0, .removed) }
    }

    /// These are gone for good. A session that begins there all the same, for its dial was under way, must not stay for ever.
    mutating func expectLatecomers(_ ids: [EndpointID], at now: Instant) {
        for id in ids { latecomersDue[id] = now + Self.formerPlaceLastsAtLeast }
    }

    /// Resets the sessions that began at endpoints which were gone by then.
    mutating func resetLatecomers(at now: Instant) -> [Action] {
        let due = latecomersDue.filter { $0.value <= now }.keys.sorted()
        for id in due { latecomersDue[id] = nil }
        return due.map { .resetSessions($0, .removed) }
    }

    private mutating func forgetOldestPlace(at now: Instant) {
        guard endpoints.former.count > Self.formerPlacesAtMost else { return }
        let oldest = endpoints.former.min { ($0.value.since, $0.key) < ($1.value.since, $1.key) }
        if let oldest { forgetPlace(oldest.key, at: now) }
    }

    private mutating func forgetPlace(_ id: EndpointID, at now: Instant) {
        endpoints.forget(id, at: now)
        health[id] = nil
    }
}
