// Probes, and what follows from them.
extension ControlMachine {
    /// Starts the probes that are due, and plans the routine ones.
    mutating func dueProbes(at now: Instant, using generator: inout some RandomNumberGenerator) -> [Action] {
        var actions: [Action] = []
        for id in health.keys.sorted() {
            guard let due = health[id]?.nextProbe, due <= now else {
                if health[id]?.nextProbe == nil { planRoutine(id, at: now, using: &generator) }
                continue
            }
            if isExcused(id, at: now) {
                health[id]?.nextProbe = nil
                planRoutine(id, at: now, using: &generator)
            } else if let probe = health[id]?.probeStarted(at: now) {
                actions.append(.probe(id, probe))
            }
        }
        return actions
    }

    private mutating func planRoutine(
        _ id: EndpointID, at now: Instant, using generator: inout some RandomNumberGenerator
    ) {
        let interval = interval(of: id)
        health[id]?.planRoutine(every: interval, at: now, using: &generator)
    }

    /// Endpoints that serve are looked at every `--health-interval`, others rarely; `nil`: no background probes.
    private func interval(of id: EndpointID) -> Duration? {
        guard let interval = options.healthInterval else { return nil }
        return serves(id) ? interval : max(interval, EndpointHealth.idleInterval)
    }

    private func serves(_ id: EndpointID) -> Bool {
        if let activity = activity[id], activity.sessions > 0 { return true }
        return plan?.targets.prefix(plan?.spread ?? 0).contains { $0.endpoint == id } ?? false
    }

    /// A routine probe is not needed where bytes just came, nor, but rarely, where there is no session at all.
    private func isExcused(_ id: EndpointID, at now: Instant) -> Bool {
        guard let interval = options.healthInterval, let health = health[id], health.isRoutine else { return false }
        guard let activity = activity[id] else { return false }
        if health.isExcused(byBytesAt: activity.lastReceived, at: now, interval: interval) { return true }
        guard activity.sessions == 0, let probedAt = health.probedAt else { return false }
        let isExploring = health.ladder.nextExploration.map { $0 <= now } ?? false
        return !isExploring && now - probedAt < EndpointHealth.idleInterval
    }

    /// How fresh another endpoint's success must be to prove it good.
    private static let proofHolds = Duration.seconds(5)

    /// Sessions of an endpoint that is proven dead are reset once another one is proven good; that one is asked where it is
    /// not known. When all look dead nobody is reset: a health check never turns a bad day into an outage.
    mutating func resetDead(at now: Instant) -> [Action] {
        resetAsDead.formIntersection(health.filter { $0.value.isProvenDead }.keys)
        guard options.resetsSessionsOfDead else { return [] }
        let dead = health.filter { $0.value.isProvenDead && !resetAsDead.contains($0.key) }.keys.sorted()
        guard !dead.isEmpty else { return [] }
        let good = plan?.targets.prefix(plan?.good ?? 0).map(\.endpoint) ?? []
        let isProven = good.contains { id in
            guard let last = health[id]?.lastSuccess else { return false }
            return health[id]?.state == .good && now - last <= Self.proofHolds
        }
        guard isProven else {
            if let first = good.first { health[first]?.suspect(at: now) }
            return []
        }
        resetAsDead.formUnion(dead)
        return dead.map { .resetSessions($0, .dead) }
    }
}
