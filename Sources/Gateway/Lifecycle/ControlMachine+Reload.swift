// Other settings under a running gateway.
extension ControlMachine {
    /// The administrator has changed the settings. What differs is carried out, and nothing else: endpoints that stay keep
    /// their number, their health, their sessions and their place in the order. One that is written down no more drains as
    /// soon as another one can be dialed, for nobody has to confirm what an administrator says. What discovery has named stays until the new source has
    /// answered: a mistyped domain is no outage.
    public mutating func reconfigured(
        _ new: ControlOptions, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        let old = options
        guard new != old else { return [] }
        options = new
        names.reconfigured(new.names, at: now)
        endpoints.removalGrace = new.removalGrace
        if new.rebalance == 0 { rebalancing = Rebalancing() } else if old.rebalance == 0 { rebalancing.wanted(at: now) }
        if new.verification != old.verification { for id in verification.keys { verification[id]?.restart(at: now) } }
        let actions = takeSource(of: new, insteadOf: old, at: now)
        reconfigureHealth(since: old, at: now)
        return actions + endpointsChanged(at: now) + settle(at: now, using: &generator)
    }

    /// What certificates are judged by is another authority: who is proven has to prove himself again.
    public mutating func authorityChanged(
        at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        for id in verification.keys { verification[id]?.restart(at: now) }
        return settle(at: now, using: &generator)
    }

    private mutating func takeSource(
        of new: ControlOptions, insteadOf old: ControlOptions, at now: Instant
    ) -> [Action] {
        if new.rememberedSource != old.rememberedSource { forgetRemembered(for: new) }
        guard let source = new.discovery else {
            (isSuperseded, told.isPlain, told.usesConfigured) = (false, false, false)
            guard new.endpoints != old.endpoints || old.discovery != nil else { return [] }
            let changes = endpoints.replace(with: new.endpoints, missingToo: true, at: now)
            return changes.flatMap { carryOut($0, at: now) }
        }
        guard source != old.discovery else { return takeFallback(insteadOf: old, at: now) }
        isSuperseded = true
        (told.isPlain, told.usesConfigured) = (false, false)
        // All may be known already: perhaps the same records count in another way.
        names.watch(questions, at: now)
        return redeclare(isFresh: true, at: now)
    }

    /// While discovery has nothing, the configured endpoints are those that serve.
    private mutating func takeFallback(insteadOf old: ControlOptions, at now: Instant) -> [Action] {
        let declarations = fallbackDeclarations
        guard told.usesConfigured, options.endpoints != old.endpoints, !declarations.isEmpty else { return [] }
        let changes = endpoints.replace(with: declarations, missingToo: true, at: now)
        return changes.flatMap { carryOut($0, at: now) }
    }

    /// The remembered endpoints of another source are no endpoints; where their hosts are known still, the addresses are
    /// good until DNS answers.
    private mutating func forgetRemembered(for new: ControlOptions) {
        saving = Saving(source: new.rememberedSource)
        saving.isStale = true
        let hosts = Set(endpoints.all.map(\.declaration.key.host))
        rememberedAddresses = remembered.map { set in
            LastGoodSet(source: set.source, entries: set.entries.filter { hosts.contains($0.declaration.key.host) })
        }
        remembered = nil
    }

    /// Those that the administrator has withdrawn go once a successor can be dialed. That he works is not waited for: it is
    /// said that they shall go.
    mutating func drainWithdrawn(at now: Instant) -> [Action] {
        guard !endpoints.withdrawn.isEmpty else { return [] }
        newcomers.update(at: now, isAwaited: isAwaited)
        let hasSuccessor = endpoints.all.contains { member in
            member.presence == .present && !newcomers.contains(member.id)
                && health[member.id]?.addresses.isEmpty == false
        }
        guard hasSuccessor else { return [] }
        return endpoints.drainWithdrawn(at: now).flatMap { carryOut($0, at: now) } + endpointsChanged(at: now)
    }

    private mutating func reconfigureHealth(since old: ControlOptions, at now: Instant) {
        for member in endpoints.all {
            let ladder = ladderOptions(for: member.declaration)
            health[member.id]?.reconfigured(ladder, measuresDials: options.policy == .fastest)
        }
        guard old.healthInterval != options.healthInterval || old.retryDelay != options.retryDelay else { return }
        for id in health.keys { health[id]?.replan(longest: options.retryDelay, at: now) }
    }
}
