// Why an endpoint stands where it stands, in words.
extension ControlMachine {
    /// Which endpoint the next client would get, and why each other would not.
    public func explanation(at now: Instant) -> Explanation {
        let planned = plan?.targets.map(\.endpoint) ?? []
        let others = endpoints.all.map(\.id).filter { !planned.contains($0) }
        let rows = (planned + others).compactMap { id -> Explanation.Row? in
            guard let member = endpoints[id], endpoints.former[id] == nil else { return nil }
            return Explanation.Row(
                endpoint: member.declaration.key.description, chance: chance(of: id), reason: why(member, at: now))
        }
        return Explanation(policy: options.policy.rawValue, heldClients: heldClients, rows: rows)
    }

    private func chance(of id: EndpointID) -> Explanation.Chance {
        guard let plan, let place = plan.targets.firstIndex(where: { $0.endpoint == id }) else { return .never }
        if plan.good > 0 {
            guard place < plan.spread else { return place < plan.good ? .standby : .lastResort }
            return plan.spread == 1 ? .next : .shared
        }
        return place == 0 ? .next : .lastResort
    }

    /// Words for `explain`, which say also of a good endpoint why it is or is not the next.
    private func why(_ member: EndpointSet.Member, at now: Instant) -> String {
        let trouble = reason(of: member, at: now) + outlook(of: member, at: now)
        guard let plan, let place = plan.targets.firstIndex(where: { $0.endpoint == member.id }) else { return trouble }
        if plan.good == 0 {
            return "nobody is believed good, so everybody is tried in turn" + (trouble.isEmpty ? "" : "; \(trouble)")
        }
        if place < plan.spread { return servingWords(member, plan) }
        if !trouble.isEmpty { return trouble }
        guard let first = plan.targets.first.flatMap({ endpoints[$0.endpoint] }) else { return "" }
        if member.declaration.priority > first.declaration.priority {
            return "tier \(member.declaration.priority) serves only while nobody of tier"
                + " \(first.declaration.priority) can"
        }
        return "it works, and waits until \(first.declaration.key) fails"
    }

    private func servingWords(_ member: EndpointSet.Member, _ plan: DialPlan) -> String {
        switch options.policy {
        case .pinned: return "every new session goes there until it fails (\(options.policy.rawValue))"
        case .fastest: return "it is dialed fastest, or not clearly slower than the fastest"
        case .roundRobin where plan.spread > 1: return "one new session in \(plan.spread) goes there"
        case .weighted where plan.spread > 1:
            let weights = WeightedDraw.effective(plan.targets.prefix(plan.spread).map(\.weight))
            let place = plan.targets.firstIndex { $0.endpoint == member.id } ?? 0
            return "\(weights[place] * 100 / weights.reduce(0, +)) % of new sessions go there, by weight"
        case .leastSessions where plan.spread > 1: return "the one with the fewest sessions gets the next"
        case .roundRobin, .weighted, .leastSessions: return "nobody else of the first tier is good"
        }
    }

    /// Words for the status: why it does not simply serve; empty where there is nothing to say.
    func reason(of member: EndpointSet.Member, at now: Instant) -> String {
        switch member.presence {
        case .draining(let until):
            return "removed from DNS; what sessions it has left end within \(Figures.duration(until - now))"
        case .missing: return "DNS names it no more; a second answer must confirm that before its sessions end"
        case .present: break
        }
        guard let health = health[member.id], !health.addresses.isEmpty else { return reasonWithoutAddress(member) }
        if !health.isGood { return health.trouble?.words ?? "it failed" }
        return health.isUnproven ? "its name leads to another address since a moment; that must work first" : ""
    }

    /// When a failed one may be good again.
    private func outlook(of member: EndpointSet.Member, at now: Instant) -> String {
        guard let health = health[member.id], !health.isGood else { return "" }
        if health.isProbing { return "; a probe is under way" }
        return health.nextProbe.map { "; next probe in \(Figures.duration($0 - now))" } ?? ""
    }

    private func reasonWithoutAddress(_ member: EndpointSet.Member) -> String {
        let key = member.declaration.key
        let resolved = resolved(key.host).map { SocketAddress(ip: $0, port: key.port) }
        if let loop = resolved.first(where: told.loops.contains) {
            return "\(loop) leads back to this gateway; it is never dialed"
        }
        if let verification = verification[member.id], let address = resolved.first {
            return verification[address] == .refused
                ? "it has shown a wrong certificate; it is asked again every minute"
                : "it has not yet shown a valid certificate"
        }
        let entries = entries(of: key.host)
        if let failure = entries.compactMap(\.failure).first {
            return "DNS gives no address: \(printable(failure))"
        }
        return entries.allSatisfy(\.isTried) ? "DNS knows no address of it" : "its name is being resolved"
    }
}
