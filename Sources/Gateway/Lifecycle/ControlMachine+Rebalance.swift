/// Moves sessions to where they belong after an endpoint came back, a few at a time (`--rebalance`).
///
/// To move a session means to reset it: its client connects again, and is dialed by the plan. So it starts only when the
/// plan has gained an endpoint, and only when that one has worked for a while; and it ends when nobody is misplaced.
struct Rebalancing: Equatable, Sendable {
    /// So long must a returned endpoint have worked before sessions are moved to it.
    static let settling = Duration.seconds(10)
    /// What an endpoint has above its share by so much is left there, or sessions that come and go would be moved for ever.
    static let tolerancePercent: UInt64 = 10
    /// Sessions are moved at most this often, several at a time where more a minute are wanted.
    private static let shortestPause = Duration.seconds(1)

    /// When to look next; `nil` while nobody can be misplaced.
    private(set) var due: Instant?
    /// Sessions moved since it began.
    private(set) var moved = 0
    private var credit = 0

    /// The plan has gained somebody: look at the sessions when it has settled.
    mutating func endpointJoined(at now: Instant) {
        due = max(due ?? now, now + Self.settling)
    }

    /// It is wanted from now on: somebody may be owed sessions already.
    mutating func wanted(at now: Instant) { endpointJoined(at: now) }

    /// How many of `misplaced` sessions are moved now, at this pace.
    mutating func step(_ misplaced: UInt64, perMinute: Int, at now: Instant) -> Int {
        let pause = max(Self.shortestPause, .seconds(60) / perMinute)
        due = now + pause
        credit += Int((pause * perMinute).wholeNanoseconds / 60)
        let count = min(credit / 1_000_000_000, Int(clamping: misplaced))
        credit = count < credit / 1_000_000_000 ? 0 : credit - count * 1_000_000_000
        moved += count
        return count
    }

    /// Somebody who must be proven good is not yet.
    mutating func wait(at now: Instant) {
        due = now + Self.shortestPause
    }

    /// Everybody is in place. Returns how many were moved.
    mutating func ended() -> Int {
        defer { self = Rebalancing() }
        return moved
    }
}

extension ControlMachine {
    /// Resets the next misplaced sessions. What the sessions look like must have been told just now.
    mutating func rebalance(at now: Instant) -> [Action] {
        guard let due = rebalancing.due, due <= now else { return [] }
        guard let (id, count) = mostMisplaced() else {
            let moved = rebalancing.ended()
            return moved > 0 ? [.tell(.rebalanced(moved: moved))] : []
        }
        guard hasSettled(at: now) else {
            rebalancing.wait(at: now)
            return []
        }
        let isFirst = rebalancing.moved == 0
        let step = rebalancing.step(count, perMinute: options.rebalance, at: now)
        let tidings = isFirst ? tell(id) { .rebalancing($0, perMinute: options.rebalance) } : []
        return step > 0 ? tidings + [.resetSessions(id, .misplaced(step))] : []
    }

    /// The plan changes: somebody who serves now and did not before may be owed sessions.
    mutating func noteWhoServes(in new: DialPlan, at now: Instant) {
        guard options.rebalance > 0, let plan, plan.good > 0, new.good > 0 else { return }
        let before = Set(serving(in: plan).map(\.endpoint))
        let joined = serving(in: new).contains { !before.contains($0.endpoint) }
        if joined { rebalancing.endpointJoined(at: now) }
    }

    private func serving(in plan: DialPlan) -> ArraySlice<DialPlan.Target> {
        plan.targets.prefix(min(plan.good, plan.spread))
    }

    /// The endpoint with the most sessions that belong elsewhere, and how many those are.
    private func mostMisplaced() -> (EndpointID, UInt64)? {
        guard let plan, let first = serving(in: plan).first, let tier = endpoints[first.endpoint]?.declaration.priority
        else { return nil }
        let lower = plan.targets.prefix(plan.good).map(\.endpoint).filter { id in
            endpoints[id].map { $0.presence == .present && $0.declaration.priority > tier } ?? false
        }
        let misplaced = lower.map { ($0, sessions(of: $0)) } + excess(among: serving(in: plan), plan.policy)
        return misplaced.filter { $0.1 > 0 }.max { $0.1 < $1.1 }
    }

    /// What each of those that share the sessions has above its share and the tolerance.
    private func excess(
        among targets: ArraySlice<DialPlan.Target>, _ policy: Policy
    ) -> [(EndpointID, UInt64)] {
        let weights = policy == .weighted ? WeightedDraw.effective(targets.map(\.weight)) : targets.map { _ in 1 }
        let (total, sum) = (targets.reduce(0) { $0 + sessions(of: $1.endpoint) }, weights.reduce(0, +))
        return zip(targets, weights).map { target, weight in
            let share = (total * weight + sum - 1) / sum
            let (has, most) = (
                sessions(of: target.endpoint), share + max(1, share * Rebalancing.tolerancePercent / 100)
            )
            return (target.endpoint, has > most ? has - share : 0)
        }
    }

    private func sessions(of id: EndpointID) -> UInt64 { activity[id]?.sessions ?? 0 }

    /// Whether everybody to whom sessions would be moved has worked for a while.
    private func hasSettled(at now: Instant) -> Bool {
        guard let plan else { return false }
        return serving(in: plan).allSatisfy { target in
            health[target.endpoint]?.goodSince.map { now - $0 >= Rebalancing.settling } ?? false
        }
    }
}
