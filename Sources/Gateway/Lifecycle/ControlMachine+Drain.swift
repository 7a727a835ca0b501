/// An endpoint that an administrator has taken out of service, so that it can be stopped without a client noticing.
package struct Drain: Equatable, Sendable {
    /// So often it is looked whether there are sessions again: of dials that were under way, or of clients that others would
    /// not have.
    static let lookAgain = Duration.seconds(10)

    /// How long its sessions may go on.
    var grace: Duration
    /// When they are reset.
    var due: Instant
    /// Whether it serves all the same, for nobody else is good.
    var serves = false
}

/// What came of taking an endpoint out of service.
public enum DrainVerdict: Hashable, Sendable {
    /// It gets no new session, and its sessions end.
    case takenOut
    /// Nobody else is good: it serves until somebody is, and its sessions stay.
    case lastOne
    /// There is no such endpoint.
    case unknown
}

extension ControlMachine {
    /// An administrator takes an endpoint out of service: it gets no new session while anybody else is good, and its
    /// sessions may go on for so long. Said again, the new time counts. It holds until it is put back or forgotten.
    public mutating func drained(
        _ key: EndpointKey, within grace: Duration, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> (DrainVerdict, [Action]) {
        guard endpoints[key] != nil else { return (.unknown, []) }
        var actions = drains[key] == nil ? [Action.tell(.endpointTakenOut(key, grace: grace))] : []
        drains[key] = Drain(grace: grace, due: now + grace, serves: drains[key]?.serves ?? false)
        actions += settle(at: now, using: &generator)
        // One that is in the plan still has made no difference to it.
        if let plan { actions += tellDrained(plan, at: now) }
        if grace == .zero { actions += resetDrained(key, at: now) { _ in true } }
        return (isAnotherGood ? .takenOut : .lastOne, actions)
    }

    /// An administrator puts it back. Returns `false` where it is not out of service.
    public mutating func undrained(
        _ key: EndpointKey, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> (Bool, [Action]) {
        guard drains.removeValue(forKey: key) != nil else { return (false, []) }
        return (true, [.tell(.endpointPutBack(key))] + settle(at: now, using: &generator))
    }

    /// The endpoints that are out of service.
    public var drainedEndpoints: [EndpointKey] {
        endpoints.all.map(\.declaration.key).filter { drains[$0] != nil }
    }

    package func isDrained(_ id: EndpointID) -> Bool {
        endpoints[id].map { drains[$0.declaration.key] != nil } ?? false
    }

    /// Whoever serves for want of others is told of; once he does no more, who came to him meanwhile has his time as well.
    mutating func tellDrained(_ plan: DialPlan, at now: Instant) -> [Action] {
        guard !drains.isEmpty else { return [] }
        let good = Set(plan.targets.prefix(plan.good).map(\.endpoint))
        return drainedEndpoints.flatMap { key -> [Action] in
            guard let drain = drains[key], let id = endpoints[key]?.id, drain.serves != good.contains(id) else {
                return []
            }
            drains[key]?.serves.toggle()
            if drain.serves { drains[key]?.due = now + drain.grace }
            return drain.serves ? [] : [.tell(.lastOneServes(key))]
        }
    }

    /// When the sessions of the next one are due; they stay while their clients could go nowhere else.
    var nextDrain: Instant? {
        // One that an earlier process knew may not be known here yet.
        isAnotherGood ? drainedEndpoints.compactMap { drains[$0]?.due }.min() : nil
    }

    /// Whether anybody is good who is not out of service.
    private var isAnotherGood: Bool {
        plan?.targets.prefix(plan?.good ?? 0).contains { !isDrained($0.endpoint) } ?? false
    }

    /// Ends the sessions whose time is over. What the sessions look like must have been told just now.
    mutating func dueDrains(at now: Instant) -> [Action] {
        drainedEndpoints.flatMap { key -> [Action] in
            guard let due = drains[key]?.due, due <= now else { return [] }
            let activity = activity
            return resetDrained(key, at: now) { activity[$0].map { $0.sessions > 0 } ?? false }
        }
    }

    private mutating func resetDrained(
        _ key: EndpointKey, at now: Instant, where mayHaveSessions: (EndpointID) -> Bool
    ) -> [Action] {
        guard let id = endpoints[key]?.id, isAnotherGood else { return [] }
        let places = [id] + endpoints.former.filter { $0.value.member.declaration.key == key }.keys.sorted()
        drains[key]?.due = now + Drain.lookAgain
        return places.filter(mayHaveSessions).map { .resetSessions($0, .drained) }
    }
}
