// Probes, and what follows from them.
extension ControlMachine {
    /// Starts the probes that are due, and plans the routine ones.
    mutating func dueProbes(at now: Instant, using generator: inout some RandomNumberGenerator) -> [Action] {
        var actions: [Action] = []
        for id in health.keys.sorted() {
            guard let due = health[id]?.nextProbe, due <= now else {
                if isToBePlanned(id, at: now) { planRoutine(id, at: now, using: &generator) }
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

    /// Whether no probe is planned, or a rare one of an endpoint that serves by now.
    private func isToBePlanned(_ id: EndpointID, at now: Instant) -> Bool {
        guard let due = health[id]?.nextProbe else { return true }
        guard let interval = options.healthInterval, due > now + EndpointHealth.latest(interval) else { return false }
        return serves(id)
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

    /// A failure so much older than the proof that another one lives may be over as well: both may have had the same trouble.
    private static let simultaneous = Duration.milliseconds(100)

    /// Sessions of an endpoint that is proven dead are reset once another one has proven good since: what it said before is
    /// no proof, for the trouble may be everybody's, such as our own cable or an election. So it is asked; and where it
    /// takes a while to prove good, the dead one is asked once more. When all look dead nobody is reset: a health check never
    /// turns a bad day into an outage.
    mutating func resetDead(at now: Instant) -> [Action] {
        resetAsDead.formIntersection(health.filter { $0.value.isProvenDead }.keys)
        guard options.resetsSessionsOfDead else { return [] }
        let dead = health.filter { $0.value.isProvenDead && !resetAsDead.contains($0.key) }.keys.sorted()
        guard !dead.isEmpty else { return [] }
        let good = plan?.targets.prefix(plan?.good ?? 0).map(\.endpoint) ?? []
        let proof = good.compactMap { health[$0]?.state == .good ? health[$0]?.lastSuccess : nil }.max()
        return dead.flatMap { id -> [Action] in
            guard let proof, let since = health[id]?.restsSince, since <= proof else {
                if let first = good.first { health[first]?.askAgain(at: now) }
                return []
            }
            guard let failed = health[id]?.lastFailureEnded, failed + Self.simultaneous >= proof else {
                health[id]?.askAgain(at: now)
                return []
            }
            resetAsDead.insert(id)
            return [.resetSessions(id, .dead)]
        }
    }
}
