/// The gateway's decisions: facts in, actions out. It knows names, endpoints and their health, and says whom to dial.
///
/// It reads no clock, draws from no generator of its own and imports nothing, so that whole fleets can be simulated in
/// one process. The runtime tells it each fact with its time, carries out the actions, and calls ``timerFired(at:using:)``
/// at ``nextDeadline``.
public struct ControlMachine: Sendable {
    /// What the runtime is to do.
    public enum Action: Equatable, Sendable {
        /// Ask the name service, and tell the answer.
        case ask(Question)
        /// Let every new client be dialed by this plan.
        case publish(DialPlan)
        /// Probe an endpoint, and tell the outcome.
        case probe(EndpointID, EndpointHealth.Probe)
        /// Find out whether this address shows a certificate that is valid for the name, and tell.
        case verify(EndpointID, SocketAddress, name: String)
        /// End the sessions of an endpoint: spread, so that their clients do not all return at once.
        case resetSessions(EndpointID, ResetReason)
        /// Keep this set for a start without DNS.
        case save(LastGoodSet)
        /// Write a line to the log.
        case tell(Notice)
    }

    /// Why the sessions of an endpoint are reset.
    public enum ResetReason: Equatable, Sendable {
        /// It was removed, and the grace is over.
        case removed
        /// An administrator has taken it out of service, and the grace is over.
        case drained
        /// It is proven dead while another one is proven good.
        case dead
        /// So many of them belong elsewhere (`--rebalance`).
        case misplaced(Int)
    }

    /// What the sessions of one endpoint look like.
    public struct Activity: Equatable, Sendable {
        /// How many there are.
        public var sessions: UInt64
        /// When the last byte came from it.
        public var lastReceived: Instant?

        /// So many sessions, and the last byte then.
        public init(sessions: UInt64, lastReceived: Instant?) {
            self.sessions = sessions
            self.lastReceived = lastReceived
        }
    }

    /// What the settings say.
    public internal(set) var options: ControlOptions
    /// What is known of names.
    public internal(set) var names: NameWatch
    /// Which endpoints there are.
    public internal(set) var endpoints: EndpointSet
    /// What is believed of them.
    public internal(set) var health: [EndpointID: EndpointHealth] = [:]
    /// The last plan that was published; `nil` before the start.
    public internal(set) var plan: DialPlan?
    var loopGuard = LoopGuard()
    var heldClients = 0
    var preference = Preference()
    package internal(set) var newcomers = Newcomers()
    package internal(set) var told = ToldNotices()
    var remembered: LastGoodSet?
    /// What an earlier source's set says of hosts that are still known.
    var rememberedAddresses: LastGoodSet?
    /// Whether the endpoints known now are those of a source that the settings name no more, and whose successor has not
    /// answered yet.
    var isSuperseded = false
    /// Whom an administrator has taken out of service.
    package internal(set) var drains: [EndpointKey: Drain] = [:]
    var saving: Saving
    var activity: [EndpointID: Activity] = [:]
    package internal(set) var verification: [EndpointID: EndpointVerification] = [:]
    /// Endpoints that are proven dead and whose sessions were reset for it.
    package internal(set) var resetAsDead: Set<EndpointID> = []
    /// When to look whether former places still have sessions.
    var formerPlacesDue: Instant?
    /// Endpoints that were forgotten, and until when dials that began before may still end there.
    var latecomersDue: [EndpointID: Instant] = [:]
    var rebalancing = Rebalancing()
    private var hurriedAt: Instant?

    /// A machine that has not started: no question asked, no plan published.
    public init(options: ControlOptions) {
        self.options = options
        names = NameWatch(timing: options.names)
        endpoints = EndpointSet(removalGrace: options.removalGrace)
        saving = Saving(source: options.rememberedSource)
    }

    /// The listeners are open. The first plan and the first questions follow. What is remembered of an earlier run serves
    /// until DNS answers, beside the configured endpoints.
    public mutating func started(
        at now: Instant, guardedBy loopGuard: LoopGuard, remembering remembered: LastGoodSet? = nil,
        inheriting handover: Handover? = nil, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        self.loopGuard = loopGuard
        self.remembered = remembered
        if let handover {
            inherit(handover, at: now)
            if options.rebalance > 0 { rebalancing.wanted(at: now) }  // the process before may have been at it
        }
        saving.last = remembered
        saving.renewal = now
        var actions: [Action] = []
        if options.discovery == nil {
            actions += declare(options.endpoints, asOf: now, at: now)
        } else if self.remembered != nil {
            actions += [.tell(.usingRememberedEndpoints)] + declare(fallbackDeclarations, asOf: now, at: now)
        }
        return actions + endpointsChanged(at: now) + settle(at: now, using: &generator)
    }

    /// The addresses of this machine, or what it listens on, may have changed.
    public mutating func localAddressesRead(
        _ loopGuard: LoopGuard, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        guard loopGuard != self.loopGuard else { return [] }
        self.loopGuard = loopGuard
        return readAddresses(at: now) + settle(at: now, using: &generator)
    }

    /// The name service answered, or did not.
    public mutating func answered(
        _ question: Question, _ answer: Answer, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        let actions = take(question, answer, at: now, using: &generator)
        return actions + settle(at: now, using: &generator)
    }

    /// Another name service, or another /etc/hosts: everything is asked again.
    public mutating func nameServiceChanged(
        at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        names.restart(at: now)
        return settle(at: now, using: &generator)
    }

    /// A client's dial of an address failed.
    public mutating func dialFailed(
        _ id: EndpointID, _ address: SocketAddress, _ failure: DialFailure, at now: Instant,
        using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        guard let before = health[id] else { return [] }
        // What a silent attempt says is as old as the attempt.
        let start = failure == .timedOut ? now + (.zero - options.timing.dialTimeout) : now
        let isNews = health[id]?.dialFailed(address, failure, begunAt: start, at: now) ?? false
        // One of thousands, perhaps: what nobody must act on costs nothing more.
        guard health[id]?.matters(beside: before) == true else { return [] }
        return (isNews ? tell(id) { .endpointDown($0, .silent(failure)) } : []) + settle(at: now, using: &generator)
    }

    /// A client's dial of an endpoint that was not known to work succeeded.
    public mutating func dialSucceeded(
        _ id: EndpointID, _ address: SocketAddress, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        let isNews = health[id]?.dialSucceeded(address, at: now) ?? false
        if activity[id]?.sessions == 0 { activity[id]?.sessions = 1 }  // it serves, and is looked at as such
        return (isNews ? tell(id) { .endpointUp($0) } : []) + settle(at: now, using: &generator)
    }

    /// The sessions or dials of an endpoint give reason to look at it: a probe decides.
    public mutating func suspected(
        _ id: EndpointID, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        health[id]?.suspect(at: now)
        return settle(at: now, using: &generator)
    }

    /// A probe has ended, at this address where one was reached. Where it made a connection, that took so long.
    public mutating func probeEnded(
        _ id: EndpointID, _ outcome: ProbeOutcome, at address: SocketAddress?, dialedIn dialTime: Duration? = nil,
        now: Instant, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        if let dialTime { health[id]?.dialTimes.add(dialTime, at: now) }
        let isUrgent = isUrgent
        let change = health[id]?.probeEnded(
            outcome, at: address, now: now, longest: options.retryDelay, isUrgent: isUrgent, using: &generator)
        // Clients may be held although the plan names somebody good: this is their next chance.
        let isChance = heldClients > 0 && health[id]?.isGood == true
        return tellChange(change ?? .none, of: id) + settle(at: now, publishing: isChance, using: &generator)
    }

    private func tellChange(_ change: EndpointHealth.Change, of id: EndpointID) -> [Action] {
        switch change {
        case .none: return []
        case .becameGood: return tell(id) { .endpointUp($0) }
        case .becameBad: return health[id]?.trouble.map { trouble in tell(id) { .endpointDown($0, trouble) } } ?? []
        }
    }

    /// So many clients wait because nobody answers.
    public mutating func clientsHeld(
        _ count: Int, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        let wereHeld = heldClients > 0
        heldClients = count
        guard wereHeld != (count > 0) else { return [] }
        return settle(at: now, using: &generator)
    }

    /// ``nextDeadline`` has come. What the sessions look like may spare a probe.
    public mutating func timerFired(
        at now: Instant, activity: [EndpointID: Activity] = [:], using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        self.activity = activity
        if let due = formerPlacesDue, due <= now { lookAtFormerPlaces(at: now) }
        let changes = endpoints.timePassed(now)
        let actions = changes.flatMap { carryOut($0, at: now) }
        let settled = (changes.isEmpty ? [] : endpointsChanged(at: now)) + settle(at: now, using: &generator)
        return actions + settled + rebalance(at: now) + dueDrains(at: now) + resetLatecomers(at: now)
    }

    /// When ``timerFired(at:using:)`` must be called, if no fact comes before.
    public var nextDeadline: Instant? {
        let probe = health.values.compactMap(\.nextProbe).min()
        let verification = verification.values.compactMap(\.nextDue).min()
        let deadlines = [
            names.nextDue, endpoints.nextDeadline, newcomers.deadline, probe, nextHurry, saving.due, verification,
            formerPlacesDue, latecomersDue.values.min(), rebalancing.due, nextDrain,
        ]
        return deadlines.compactMap { $0 }.min()
    }

    /// Nobody is good and somebody waits.
    var isUrgent: Bool { heldClients > 0 && (plan?.good ?? 0) == 0 }

    /// Brings probes, questions and the plan in line with what is known now.
    mutating func settle(
        at now: Instant, publishing isForced: Bool = false, using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        var actions = drainWithdrawn(at: now) + publish(at: now, evenIfSame: isForced, using: &generator)
        hurryIfNobodyIsLeft(at: now)
        actions += names.takeDue(at: now).map { .ask($0) }
        let resets = resetDead(at: now)  // it may want probes, which are due at once
        actions += dueProbes(at: now, using: &generator) + dueVerifications(at: now)
        return actions + resets + dueSave(at: now)
    }

    /// How often names are asked again while nobody is good: with and without clients that wait.
    private static let hurryEvery = (urgent: Duration.seconds(1), else: Duration.seconds(5))

    /// While clients wait, names are asked again and again even if nothing happens.
    private var nextHurry: Instant? {
        isUrgent && !names.isEmpty ? hurriedAt.map { $0 + Self.hurryEvery.urgent } : nil
    }

    private mutating func hurryIfNobodyIsLeft(at now: Instant) {
        guard let plan, plan.good == 0, isUrgent || !plan.targets.isEmpty else {
            hurriedAt = nil
            return
        }
        if isUrgent || hurriedAt == nil { for id in health.keys { health[id]?.hurry(at: now) } }
        let pace = isUrgent ? Self.hurryEvery.urgent : Self.hurryEvery.else
        if let hurriedAt, now - hurriedAt < pace { return }
        hurriedAt = now
        names.hurry(at: now, isUrgent: isUrgent)
    }
}
