internal import CSplice
internal import Gateway
internal import Glibc
internal import Synchronization

/// One loop of the data plane: pulls its events, and takes every client from accept to a dial without asking anybody.
///
/// `@unchecked Sendable`: `orders` is locked, counters are atomic, and all else is touched only by the one
/// thread that executes ``run()``.
@safe final class LoopRunner: @unchecked Sendable {
    /// What the control loop can tell a loop.
    enum Order: Sendable {
        /// Reset the sessions of an endpoint, spread over `spread`.
        case resetSessions(EndpointID, spread: Duration)
        /// Reset so many sessions of an endpoint.
        case resetSome(EndpointID, UInt32)
        /// Tell all sessions.
        case takeCensus(SessionCensus)
        /// Store all sessions, young ones too.
        case storeAll(StoringRound)
        case stop
    }

    /// What waits for a deadline.
    enum Timer {
        case client(csp_session)
        case reset(EndpointID, ResetPace)
    }

    private static let eventCapacity = 256

    let loop: OpaquePointer
    private let index: Int
    /// Keeps the loop alive for whoever has a runner.
    private let owner: PlaneOwner
    let held: HeldClients
    let spread: SessionSpread
    private let published: PublishedPlan
    let accessLog: AccessLog?
    private let report: @Sendable ([LoopFact]) -> Void
    private let orders = Mutex<[Order]>([])
    private let roundCount = Atomic<UInt64>(0)
    /// What this loop has counted.
    let figures = LoopFigures()

    var plan: PublishedPlan.Cache
    var clients: [csp_session: WaitingClient] = [:]
    var timers = TimerQueue<Timer>()
    var facts: [LoopFact] = []
    /// What was told of addresses under the plan that holds now: to say it again is no news.
    var told: [LoopFact.Subject: ToldVerdict] = [:]
    var now = MonotonicClock.now()
    private var isStopping = false
    /// Censuses under way, and how far they have come.
    private var censuses: [(census: SessionCensus, cursor: UInt32)] = []
    /// A round of storing under way, and how far it has come.
    private var storing: (round: StoringRound, cursor: UInt32)?

    // unsafe: the loop is one of the plane's, which `owner` keeps. Any thread may wake it and read its counters
    // (CSplice.h); all else is asked of it by the one that executes run(). Slots are below CSP_ENDPOINTS_MAX
    // (EndpointSet), and what C fills is ours and has the capacity that goes with it.
    init(
        owner: PlaneOwner, index: UInt32, plan: PublishedPlan, spread: SessionSpread, held: HeldClients,
        accessLog: AccessLog?,
        report: @escaping @Sendable ([LoopFact]) -> Void
    ) {
        self.owner = owner
        unsafe loop = csp_plane_loop(owner.plane, index)
        self.index = Int(index)
        self.published = plan
        self.plan = plan.makeCache()
        self.spread = spread
        self.held = held
        self.accessLog = accessLog
        self.report = report
    }

    /// From any thread.
    func submit(_ order: Order) {
        orders.withLock { $0.append(order) }
        wake()
    }

    /// From any thread: makes the loop look at the published plan, which gives held clients another chance.
    func wake() {
        _ = unsafe csp_loop_wake(loop)  // an eventfd of ours: EAGAIN is dealt with in C, nothing else can happen
    }

    /// From any thread: how many sessions this loop has there.
    func sessions(of endpoint: EndpointID) -> UInt64 {
        var counters = csp_endpoint_counters()
        unsafe csp_loop_read_endpoint(loop, endpoint.slot, &counters)
        return counters.sessions
    }

    /// From any thread: adds what this loop knows of an endpoint's sessions.
    func addActivity(of endpoint: EndpointID, to activity: inout ControlMachine.Activity) {
        var counters = csp_endpoint_counters()
        unsafe csp_loop_read_endpoint(loop, endpoint.slot, &counters)
        activity.sessions += counters.sessions
        guard counters.last_received_ns > 0 else { return }
        let received = Instant(nanoseconds: Int64(clamping: counters.last_received_ns))
        activity.lastReceived = max(activity.lastReceived ?? received, received)
    }

    /// From any thread: what is counted of an endpoint here.
    func traffic(of endpoint: EndpointID) -> EndpointTraffic {
        var counters = csp_endpoint_counters()
        unsafe csp_loop_read_endpoint(loop, endpoint.slot, &counters)
        var traffic = EndpointTraffic()
        (traffic.sessions, traffic.bytesUp, traffic.bytesDown) = (
            counters.sessions, counters.bytes_up, counters.bytes_down
        )
        if counters.unanswered_since_ns > 0 {
            traffic.unansweredSince = Instant(nanoseconds: Int64(clamping: counters.unanswered_since_ns))
        }
        figures.add(endpoint, to: &traffic)
        return traffic
    }

    /// From any thread.
    var counters: csp_loop_counters {
        var counters = csp_loop_counters()
        unsafe csp_loop_read_counters(loop, &counters)
        return counters
    }

    /// From any thread: how often accept(2) failed, by error number.
    var acceptErrors: [(error: Int32, count: UInt64)] {
        guard counters.accept_errors > 0 else { return [] }
        return (0..<CSP_ERRORS_MAX).map { ($0, unsafe csp_loop_accept_errors(loop, UInt32($0))) }.filter { $0.1 > 0 }
    }

    /// From any thread: joined and dialing sessions.
    var sessions: UInt64 { counters.sessions }

    /// From any thread: how often ``run()`` has come round. While this grows, C and Swift both make progress.
    var rounds: UInt64 { roundCount.load(ordering: .relaxed) }

    /// Runs the loop until it is ordered to stop. Called by its thread.
    func run() {
        isStopping = false
        var events = [csp_event](repeating: csp_event(), count: Self.eventCapacity)
        while !isStopping {
            timers.dropFirst(while: isMeaningless)
            let wait = MonotonicClock.milliseconds(until: timers.nextDue, from: MonotonicClock.now())
            let count = unsafe csp_loop_wait(loop, &events, UInt32(Self.eventCapacity), wait)
            now = MonotonicClock.now()
            if published.refresh(&plan) {
                told.removeAll(keepingCapacity: true)
                retryHeldClients()
            }
            for event in events.prefix(Int(count)) { handle(event) }
            for order in takeOrders() { carryOut(order) }
            while let timer = timers.popDue(now) { fire(timer) }
            goOnWithCensus()
            goOnStoring()
            reportFacts()
            roundCount.add(1, ordering: .relaxed)
        }
    }

    private func handle(_ event: csp_event) {
        switch event.kind {
        case .CSP_EVENT_ACCEPTED: accepted(event.session)
        case .CSP_EVENT_DIAL_FAILED: dialFailed(event.session, attempt: event.attempt, error: event.error)
        case .CSP_EVENT_OPENED:
            figures.dialOpened(event.endpoint, nanoseconds: event.elapsed_ns, at: now)
            opened(event.session, attempt: event.attempt)
        case .CSP_EVENT_ENDED: ended(event)
        case .CSP_EVENT_SUSPECT: facts.append(.suspected(EndpointID(slot: event.endpoint)))
        case .CSP_EVENT_ACCEPT_PAUSED:
            figures.acceptPaused(error: event.error)
            facts.append(.acceptPaused(error: event.error))
        case .CSP_EVENT_ACCEPT_RESUMED: break
        case .CSP_EVENT_STORE_FULL: facts.append(.storeFull)
        }
    }

    private func ended(_ event: csp_event) {
        figures.ended(event.reason, nanoseconds: event.elapsed_ns)
        if event.endpoint == CSP_ENDPOINT_NONE {
            forget(event.session)
        } else {
            sessionEnded(on: EndpointID(slot: event.endpoint), event.reason)
        }
        accessLog?.write(event, plan.plan.targets.first { $0.endpoint.slot == event.endpoint }?.addresses.first)
    }

    private func sessionEnded(on endpoint: EndpointID, _ reason: csp_end_reason) {
        if plan.plan.policy == .leastSessions { spread.ended(on: endpoint) }
        if reason == .CSP_END_UPSTREAM_RESET || reason == .CSP_END_UPSTREAM_FAILED {
            facts.append(.suspected(endpoint))
        }
    }

    private func takeOrders() -> [Order] {
        orders.withLock { orders in
            defer { orders.removeAll(keepingCapacity: true) }
            return orders
        }
    }

    private func carryOut(_ order: Order) {
        switch order {
        case .resetSessions(let endpoint, let spread): startReset(endpoint, spread: spread)
        case .resetSome(let endpoint, let count):
            // Fewer where some have ended meanwhile: they are not missed.
            _ = unsafe csp_loop_reset_endpoint(loop, endpoint.slot, count)
        case .takeCensus(let census): censuses.append((census, 0))
        case .storeAll(let round): storing = (round, 0)
        case .stop: isStopping = true
        }
    }

    /// A few sessions for the oldest census; what moves bytes has its turn before the next few.
    private func goOnWithCensus() {
        guard let (census, _) = censuses.first else { return }
        var found = [csp_session_summary](repeating: csp_session_summary(), count: Self.eventCapacity)
        let count = unsafe csp_loop_list(loop, &censuses[0].cursor, &found, UInt32(found.count))
        let isEnough = !census.add(found.prefix(Int(count)), of: index)
        if isEnough || censuses[0].cursor == .max {
            censuses.removeFirst()
            census.finished()
        }
        if !censuses.isEmpty { wake() }
    }

    /// A few sessions; what moves bytes has its turn before the next few.
    private func goOnStoring() {
        guard var current = storing else { return }
        // How many is no matter: those without room are told of at the end.
        _ = unsafe csp_loop_store(loop, &current.cursor)
        storing = current.cursor == .max ? nil : current
        if storing == nil { current.round.finished() } else { wake() }
    }

    private func fire(_ timer: Timer) {
        switch timer {
        case .client(let session): clientTimerFired(session)
        case .reset(let endpoint, let pace):
            // One that is good again keeps what it has, above all those whom it was given since.
            if plan.plan.rests(endpoint) { resetSome(endpoint, at: pace) }
        }
    }

    /// Whether a timer's client has been joined or has left: the loop need not wake up for it.
    private func isMeaningless(_ timer: Timer) -> Bool {
        if case .client(let session) = timer { clients[session] == nil } else { false }
    }

    private func startReset(_ endpoint: EndpointID, spread: Duration) {
        var counters = csp_endpoint_counters()
        unsafe csp_loop_read_endpoint(loop, endpoint.slot, &counters)
        resetSome(endpoint, at: ResetPace(of: counters.sessions, over: spread))
    }

    private func resetSome(_ endpoint: EndpointID, at pace: ResetPace) {
        // None, where the loop has much to tell: then at the next step.
        _ = unsafe csp_loop_reset_endpoint(loop, endpoint.slot, pace.perStep)
        guard sessions(of: endpoint) > 0 else { return }
        timers.add(.reset(endpoint, pace), due: now + pace.step)
    }

    private func reportFacts() {
        guard !facts.isEmpty else { return }
        report(facts)
        facts.removeAll(keepingCapacity: true)
    }
}
