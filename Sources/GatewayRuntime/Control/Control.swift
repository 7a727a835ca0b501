internal import Gateway
internal import Logging

/// The control plane at work: tells the machine what happens, and does what it says. Lives on the control loop.
actor Control {
    /// What takes time. The machine wants each question, and the probe of each endpoint, once at a time: that is the bound.
    private enum Work: Sendable {
        case ask(Question)
        case probe(EndpointID, EndpointHealth.Probe)
        case verify(EndpointID, SocketAddress, name: String)
        case keepProbes(only: Set<SocketAddress>)
    }

    /// Whether somebody waits for endpoints to be known.
    private enum Readiness {
        case unknown
        case awaited(CheckedContinuation<Void, Never>)
        case settled
    }

    /// Facts are taken at most this often: a storm of them must not keep the control loop from everything else.
    private static let factPace = Duration.milliseconds(5)

    let executor: EventExecutor
    private let resolver: Resolver
    let prober: Prober
    var verifier: TLSVerifier?
    private let published: PublishedPlan
    let held: HeldClients
    private let stateFile: StateFile?
    private let log: NoticeLog
    let about: ProgramFacts
    let logger: Logger
    private let works: AsyncStream<Work>
    private let newWork: AsyncStream<Work>.Continuation
    private let factBox = FactBox()

    /// Brings changed settings into force; there is one while the gateway serves.
    var reloading: Reloading?
    /// When sessions are reset at the latest; `nil` while nobody has said that the gateway is to stop.
    var stopsAt: Instant?
    /// Where sessions are stored; what is decided is noted there.
    var store: SessionStore?
    /// When a note is to be written.
    var noteTimer: EventExecutor.TimerID?
    var machine: ControlMachine
    var generator = SystemRandomNumberGenerator()
    /// What the status and the metrics tell beside what the machine knows.
    var figures = ControlFigures()
    /// Who waits for a list of the sessions.
    var censuses = CensusQueue()
    private(set) var runners: [LoopRunner] = []
    private var saveFailed = false
    var listeners: [SocketAddress] = []
    private var timer: (id: EventExecutor.TimerID, due: Instant)?
    private var factTimer: EventExecutor.TimerID?
    private var factsTakenAt: Instant?
    private var dialed: Set<SocketAddress> = []
    private var acceptLog = AcceptLog()
    private var loopLog = Pace()
    private var noticePace = NoticePace()
    private var silence: EventExecutor.TimerID?
    private var readiness = Readiness.unknown
    private var isClosed = false
    private var changed: @Sendable () -> Void = {}

    // unsafe: an unowned reference to the executor, which the actor holds, and its thread while it runs a job.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    init(
        executor: EventExecutor, options: ControlOptions, resolver: Resolver, published: PublishedPlan,
        held: HeldClients, files: TLSFiles, stateFile: StateFile?, about: ProgramFacts, logger: Logger
    ) {
        self.executor = executor
        self.resolver = resolver
        self.published = published
        self.held = held
        self.stateFile = stateFile
        self.logger = logger
        self.about = about
        prober = Prober(executor: executor, files: files)
        verifier = files.authority.map(prober.verifier(authority:))
        log = NoticeLog(logger: logger)
        machine = ControlMachine(options: options)
        (works, newWork) = AsyncStream.makeStream()
    }

    /// From any thread: what a loop has to tell.
    nonisolated func tell(_ facts: [LoopFact]) {
        guard factBox.add(facts) else { return }  // the control loop was told before that there is something
        executor.post { [weak self] in self?.assumeIsolated { $0.factsCame() } }
    }

    /// Sessions are stored there from now on.
    func use(_ store: SessionStore) { self.store = store }

    /// Decides for the first time, for these loops, which must not be dialed to through `listeners`.
    func start(
        runners: [LoopRunner], listeners: [SocketAddress], inheriting handover: Handover? = nil,
        store: SessionStore? = nil
    ) async {
        self.store = store
        (figures.counts.adopted, figures.counts.lost) = (UInt64(store?.adopted ?? 0), UInt64(store?.lost ?? 0))
        figures.earlier = handover?.totals ?? Totals()
        self.runners = runners
        self.listeners = listeners
        await watchNameFiles()
        perform(
            machine.started(
                at: MonotonicClock.now(), guardedBy: readLoopGuard(), remembering: remember(), inheriting: handover,
                using: &generator))
    }

    /// How the gateway is doing.
    var standing: Standing {
        var standing = machine.standing(sessions: runners.reduce(0) { $0 + $1.sessions })
        standing.timeLeft = stopsAt.map { $0 - MonotonicClock.now() }
        return standing
    }

    /// Settings are reloaded by this, from now on or no more.
    func reloads(by reloading: Reloading?) { self.reloading = reloading }

    /// Calls, on the control loop, whenever ``standing`` may have changed by a decision.
    func whenChanged(_ call: @escaping @Sendable () -> Void) { changed = call }

    /// Decides nothing any more, and lets the loops go. It is called before they end.
    func close() {
        isClosed = true
        if let unsaved = machine.unsavedSet { save(unsaved) }
        runners = []
        store = nil  // it has the plane, and that us: sessions are reset where the plane ends
        reloading = nil
        changed = {}
        newWork.finish()
        stopWaiting()
        if let timer { executor.cancel(timer.id) }
        if let factTimer { executor.cancel(factTimer) }
        if let noteTimer { executor.cancel(noteTimer) }
        if let silence { executor.cancel(silence) }
        (timer, factTimer, noteTimer, silence) = (nil, nil, nil, nil)
    }

    private func watchNameFiles() async {
        do {
            try await resolver.watchFiles { [weak self] in self?.assumeIsolated { $0.nameFilesChanged() } }
        } catch {
            logger.warning(
                "changes of /etc/hosts and /etc/resolv.conf will not be noticed", metadata: ["error": "\(error)"])
        }
    }

    /// Works until the surrounding task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await work in works {
                switch work {
                case .ask(let question): group.addTask { await self.ask(question) }
                case .probe(let id, let probe): group.addTask { await self.probe(id, probe) }
                case .keepProbes(let addresses): group.addTask { await self.prober.keep(only: addresses) }
                case .verify(let id, let address, let name): group.addTask { await self.verify(id, address, name) }
                }
            }
            group.cancelAll()
        }
        await prober.stop()
    }

    /// Returns when endpoints are known, at ``stopWaiting()``, or when the limit has passed. Called once.
    func endpointsKnown(within limit: Duration) async {
        guard case .unknown = readiness else { return }
        let timer = executor.schedule(at: MonotonicClock.now() + limit) { [weak self] in
            self?.assumeIsolated { $0.stopWaiting() }
        }
        defer { executor.cancel(timer) }
        await withCheckedContinuation { readiness = .awaited($0) }
    }

    /// The endpoints that are known now, for the log.
    var endpointTexts: [String] {
        machine.endpoints.all.map { $0.declaration.key.description }
    }

    /// Ends ``endpointsKnown()`` in any case, even one that begins later.
    func stopWaiting() {
        if case .awaited(let continuation) = readiness { continuation.resume() }
        readiness = .settled
    }

    private func ask(_ question: Question) async {
        guard let answer = try? await resolver.answer(question) else { return }  // cancelled: we are going
        figures.answered(answer)
        if answer.isPositive {
            perform(machine.localAddressesRead(readLoopGuard(), at: MonotonicClock.now(), using: &generator))
        }
        perform(machine.answered(question, answer, at: MonotonicClock.now(), using: &generator))
    }

    private func probe(_ id: EndpointID, _ wanted: EndpointHealth.Probe) async {
        let host = machine.endpoints[id]?.declaration.key.host.description
        let finding = await prober.probe(wanted.addresses, host: host, kind: wanted.kind, isFresh: wanted.isFresh)
        guard !Task.isCancelled else { return }  // we are going
        if let key = machine.endpoints[id]?.declaration.key { figures.probed(key, wanted.kind, finding) }
        perform(
            machine.probeEnded(
                id, finding.outcome, at: finding.address, dialedIn: finding.dialTime, now: MonotonicClock.now(),
                using: &generator))
    }

    private func verify(_ id: EndpointID, _ address: SocketAddress, _ name: String) async {
        guard let finding = await verifier?.verify(address, validFor: name), !Task.isCancelled else { return }
        perform(machine.verificationEnded(id, address, finding, at: MonotonicClock.now(), using: &generator))
    }

    func readLoopGuard() -> LoopGuard {
        LoopGuard(listeners: listeners, localAddresses: LocalAddresses.read())
    }

    private func nameFilesChanged() {
        logger.info("/etc/hosts or /etc/resolv.conf changed; names are asked for again")
        perform(machine.nameServiceChanged(at: MonotonicClock.now(), using: &generator))
    }

    /// The fact box is not empty any more.
    private func factsCame() {
        let now = MonotonicClock.now()
        let next = factsTakenAt.map { $0 + Self.factPace } ?? now
        guard next > now else { return takeFacts() }
        factTimer = executor.schedule(at: next) { [weak self] in self?.assumeIsolated { $0.takeFacts() } }
    }

    private func takeFacts() {
        factTimer = nil
        factsTakenAt = MonotonicClock.now()
        for fact in factBox.takeAll() { take(fact) }
    }

    private func take(_ fact: LoopFact) {
        let now = MonotonicClock.now()
        switch fact {
        case .dialFailed(let id, let address, let failure):
            perform(machine.dialFailed(id, address, failure, at: now, using: &generator))
        case .dialSucceeded(let id, let address):
            perform(machine.dialSucceeded(id, address, at: now, using: &generator))
        case .suspected(let id):
            perform(machine.suspected(id, at: now, using: &generator))
        case .heldClientsChanged:
            perform(machine.clientsHeld(held.count, at: now, using: &generator))
        case .storeFull: store?.isFull()
        case .loopFound:
            loopLog.write(at: now) { suppressed in
                logger.error(
                    "a client's connection goes in circles and is reset: gateways point at each other",
                    metadata: ["suppressed": .stringConvertible(suppressed)])
            }
        case .acceptPaused(let error):
            acceptLog.paused(error: error, at: now, logger)
        }
    }

    func perform(_ actions: [ControlMachine.Action]) {
        guard !isClosed else { return }
        for action in actions {
            switch action {
            case .ask(let question): newWork.yield(.ask(question))
            case .probe(let id, let probe): newWork.yield(.probe(id, probe))
            case .verify(let id, let address, let name): newWork.yield(.verify(id, address, name: name))
            case .publish(let plan): publish(plan)
            case .resetSessions(let id, let reason): resetSessions(id, reason)
            case .save(let set): save(set)
            case .tell(let notice): tell(notice)
            }
        }
        schedule()
        changed()
        if store != nil, noteTimer == nil, actions.contains(where: \.isWorthANote) { noteSoon() }
    }

    private func tell(_ notice: Notice) {
        let now = MonotonicClock.now()
        figures.history.told(notice, at: now, time: WallClock.now())
        let verdict = noticePace.verdict(on: notice, at: now)
        guard verdict != .suppress else { return }
        log.write(notice.line)
        guard verdict == .tellAsLast, let due = noticePace.nextDue else { return }
        log.comesAndGoes(notice.line)
        if let silence { executor.cancel(silence) }
        silence = executor.schedule(at: due) { [weak self] in self?.assumeIsolated { $0.silenceOver() } }
    }

    /// Endpoints that were not told of for a minute: what they are now.
    private func silenceOver() {
        silence = nil
        for silence in noticePace.over(at: MonotonicClock.now()) {
            let member = machine.endpoints.all.first { $0.declaration.key == silence.endpoint }
            log.cameAndWent(silence, isGood: member.flatMap { machine.health[$0.id]?.isGood })
        }
        guard let due = noticePace.nextDue else { return }
        silence = executor.schedule(at: due) { [weak self] in self?.assumeIsolated { $0.silenceOver() } }
    }

    private func resetSessions(_ id: EndpointID, _ reason: ControlMachine.ResetReason) {
        let sessions = activity(of: id).sessions
        let spread: Duration
        switch reason {
        case .removed, .drained: spread = ResetPace.unhurried
        case .dead: spread = ResetPace.ofDead(Int(clamping: sessions))
        case .misplaced(let count): return resetSome(count, of: id)
        }
        guard sessions > 0 else { return }
        logger.info(
            "sessions are reset",
            metadata: ["address": "\(name(of: id))", "count": .stringConvertible(Int(clamping: sessions))])
        for runner in runners { runner.submit(.resetSessions(id, spread: spread)) }
    }

    /// The loop that has most of them gives first.
    private func resetSome(_ count: Int, of id: EndpointID) {
        var left = UInt64(count)
        let bySessions = runners.map { ($0, $0.sessions(of: id)) }.sorted { $0.1 > $1.1 }
        for (runner, sessions) in bySessions where left > 0 {
            let some = min(left, sessions)
            runner.submit(.resetSome(id, UInt32(clamping: some)))
            left -= some
        }
    }

    private func name(of id: EndpointID) -> String {
        machine.endpoints[id]?.declaration.key.description ?? "a removed endpoint"
    }

    /// What the loops know of an endpoint's sessions, read without stopping them.
    private func activity(of id: EndpointID) -> ControlMachine.Activity {
        var activity = ControlMachine.Activity(sessions: 0, lastReceived: nil)
        for runner in runners { runner.addActivity(of: id, to: &activity) }
        return activity
    }

    /// A set that cannot be written costs nothing but a later start without DNS: one line, until it works again.
    private func save(_ set: LastGoodSet) {
        guard let stateFile else { return }
        do throws(SystemError) {
            try stateFile.write(set)
            saveFailed = false
        } catch {
            if !saveFailed {
                logger.warning("the endpoints cannot be kept for the next start", metadata: ["error": "\(error)"])
            }
            saveFailed = true
            machine.saveFailed(at: MonotonicClock.now())
        }
    }

    private func remember() -> LastGoodSet? {
        do throws(LastGoodSetError) {
            return try stateFile?.read(source: machine.options.rememberedSource)
        } catch {
            logger.warning("the endpoints kept by an earlier run are ignored", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func publish(_ plan: DialPlan) {
        published.publish(plan)
        keepProbeConnections(of: plan)
        for runner in runners { runner.wake() }
        if !plan.targets.isEmpty { stopWaiting() }
    }

    /// Probes keep their connections; those to addresses that nobody dials any more are closed.
    private func keepProbeConnections(of plan: DialPlan) {
        let addresses = Set(plan.targets.flatMap(\.addresses))
        guard addresses != dialed else { return }
        dialed = addresses
        newWork.yield(.keepProbes(only: addresses))
    }

    private func schedule() {
        let due = machine.nextDeadline
        guard due != timer?.due else { return }
        if let timer { executor.cancel(timer.id) }
        timer = due.map { due in
            (executor.schedule(at: due) { [weak self] in self?.assumeIsolated { $0.timerFired() } }, due)
        }
    }

    private func timerFired() {
        timer = nil
        let activity = Dictionary(uniqueKeysWithValues: machine.endpoints.allIDs.map { ($0, self.activity(of: $0)) })
        perform(machine.timerFired(at: MonotonicClock.now(), activity: activity, using: &generator))
    }
}

extension Answer {
    /// Whether it has records.
    fileprivate var isPositive: Bool {
        switch self {
        case .services, .addresses: true
        case .nothing, .failed: false
        }
    }
}
