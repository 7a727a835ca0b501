internal import Gateway
internal import Logging

/// The control plane at work: tells the machine what happens, and does what it says. Lives on the control loop.
actor Control {
    /// What must be done outside of the machine, or told to it.
    private enum Work: Sendable {
        case ask(Question)
        case probe(EndpointID, [SocketAddress])
        case facts([LoopFact])
        case systemFilesChanged
    }

    /// Sessions of a removed endpoint are reset over this time, so that their clients do not all return at once.
    private static let removalSpread = Duration.seconds(5)

    private let executor: EventExecutor
    private let resolver: Resolver
    private let probe: TCPProbe
    private let published: PublishedPlan
    private let held: HeldClients
    private let stateFile: StateFile?
    private let log: NoticeLog
    private let logger: Logger
    private let works: AsyncStream<Work>
    private let newWork: AsyncStream<Work>.Continuation

    private var machine: ControlMachine
    private var generator = SystemRandomNumberGenerator()
    private var runners: [LoopRunner] = []
    private var saveFailed = false
    private var timer: EventExecutor.TimerID?
    private var fileWatch: FileWatch?
    private var acceptLog = AcceptLog()
    private var readiness: CheckedContinuation<Void, Never>?

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    init(
        executor: EventExecutor, options: ControlOptions, resolver: Resolver, published: PublishedPlan,
        held: HeldClients, stateFile: StateFile?, logger: Logger
    ) {
        self.executor = executor
        self.resolver = resolver
        self.published = published
        self.held = held
        self.stateFile = stateFile
        self.logger = logger
        probe = TCPProbe(executor: executor)
        log = NoticeLog(logger: logger)
        machine = ControlMachine(options: options)
        (works, newWork) = AsyncStream.makeStream()
    }

    /// From any thread: what a loop has to tell.
    nonisolated func tell(_ facts: [LoopFact]) {
        newWork.yield(.facts(facts))
    }

    /// Decides for the first time, for these loops, which must not be dialed to through `listeners`.
    func start(runners: [LoopRunner], listeners: [SocketAddress]) {
        self.runners = runners
        do throws(SystemError) {
            fileWatch = try FileWatch(executor: executor, paths: [SystemFile.hosts, SystemFile.resolvConf]) {
                [newWork] in newWork.yield(.systemFilesChanged)
            }
        } catch {
            logger.warning(
                "changes of /etc/hosts and /etc/resolv.conf will be noticed late", metadata: ["error": "\(error)"])
        }
        guardListeners = listeners
        let loopGuard = LoopGuard(listeners: listeners, localAddresses: LocalAddresses.read())
        perform(
            machine.started(
                at: MonotonicClock.now(), guardedBy: loopGuard, remembering: remember(), using: &generator))
    }

    private var guardListeners: [SocketAddress] = []

    /// Works until the surrounding task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await work in works {
                switch work {
                case .ask(let question): group.addTask { await self.ask(question) }
                case .probe(let id, let addresses): group.addTask { await self.probe(id, addresses) }
                case .facts(let facts): for fact in facts { take(fact) }
                case .systemFilesChanged: await systemFilesChanged()
                }
            }
            group.cancelAll()
        }
    }

    /// Returns when endpoints are known.
    func endpointsKnown() async {
        guard machine.plan?.targets.isEmpty != false else { return }
        await withCheckedContinuation { readiness = $0 }
    }

    /// The endpoints that are known now, for the log.
    var endpointTexts: [String] {
        machine.endpoints.all.map { $0.declaration.key.description }
    }

    /// Ends ``endpointsKnown()`` in any case.
    func stopWaiting() {
        readiness?.resume()
        readiness = nil
    }

    private func ask(_ question: Question) async {
        guard let answer = try? await resolver.answer(question) else { return }  // cancelled: we are going
        if answer.isPositive {
            let loopGuard = LoopGuard(listeners: guardListeners, localAddresses: LocalAddresses.read())
            perform(machine.localAddressesRead(loopGuard, at: MonotonicClock.now(), using: &generator))
        }
        perform(machine.answered(question, answer, at: MonotonicClock.now(), using: &generator))
    }

    private func probe(_ id: EndpointID, _ addresses: [SocketAddress]) async {
        let result = await probe.run(addresses)
        perform(machine.probeFinished(id, result, at: MonotonicClock.now(), using: &generator))
    }

    private func systemFilesChanged() async {
        await resolver.systemFilesChanged()
        logger.info("/etc/hosts or /etc/resolv.conf changed; names are asked for again")
        perform(machine.nameServiceChanged(at: MonotonicClock.now(), using: &generator))
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
        case .acceptPaused(let error):
            acceptLog.paused(error: error, at: now, logger)
        case .acceptResumed:
            break  // pausing and resuming alternate under load: the line about pausing says it all
        }
    }

    private func perform(_ actions: [ControlMachine.Action]) {
        for action in actions {
            switch action {
            case .ask(let question): newWork.yield(.ask(question))
            case .probe(let id, let addresses): newWork.yield(.probe(id, addresses))
            case .publish(let plan): publish(plan)
            case .resetSessions(let id):
                for runner in runners { runner.submit(.resetSessions(id, spread: Self.removalSpread)) }
            case .save(let set): save(set)
            case .tell(let notice): log.write(notice)
            }
        }
        schedule()
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
        for runner in runners { runner.submit(.planPublished) }
        if !plan.targets.isEmpty { stopWaiting() }
    }

    private func schedule() {
        if let timer { executor.cancel(timer) }
        timer = machine.nextDeadline.map { deadline in
            executor.schedule(at: deadline) { [weak self] in self?.assumeIsolated { $0.timerFired() } }
        }
    }

    private func timerFired() {
        timer = nil
        perform(machine.timerFired(at: MonotonicClock.now(), using: &generator))
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
