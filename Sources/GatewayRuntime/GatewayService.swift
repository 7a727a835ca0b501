internal import CLinux
internal import CSplice
public import Gateway
internal import Glibc
public import Logging
public import ServiceLifecycle

/// The gateway as a service: opens its listeners, serves until it is asked to stop, and leaves nothing open.
public struct GatewayService: Service {
    private let settings: Settings
    private let logger: Logger
    private let logChoice: LogChoice
    private let context: ServiceContext
    private let source: SettingsSource
    private let file: String?
    private let succession: Succession
    private let turnover = Turnover()
    /// Requests to reload; several that come at once are one.
    private let reloads: AsyncStream<Void>
    private let newReload: AsyncStream<Void>.Continuation

    /// How long the ready line waits for DNS to name endpoints; clients are served from the start in any case.
    private static let patienceForReadyLine = Duration.seconds(2)

    /// A gateway for these settings, under a service manager that has given this much.
    ///
    /// - Parameters:
    ///   - source: Where the settings are read again at a reload.
    ///   - file: The settings file that was read for `settings`.
    ///   - logChoice: What the logger goes by; a reload changes it.
    ///   - succession: How this process becomes another one, where it is told to.
    public init(
        settings: Settings, logger: Logger, context: ServiceContext = ServiceContext(),
        source: SettingsSource = SettingsSource(flags: [:], environment: [:]), file: String? = nil,
        logChoice: LogChoice = LogChoice(format: .auto, level: .info), succession: Succession = Succession()
    ) {
        self.succession = succession
        self.context = context
        self.settings = settings
        self.logger = logger
        self.logChoice = logChoice
        self.source = source
        self.file = file
        (reloads, newReload) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// From any thread: reads the settings again, once it serves.
    public func reload() { newReload.yield() }

    /// From any thread: becomes the installed program, once it serves.
    public func succeed() { succession.request() }

    /// By the thread that waits for signals: see ``Turnover/take(_:stops:)``.
    func takeSignal(_ next: () -> Int32?, stops: [Int32]) -> Int32? { turnover.take(next, stops: stops) }

    /// Serves until graceful shutdown or cancellation. Throws ``SystemError`` where it cannot start.
    ///
    /// What is opened last is closed first: loops, which tell the control plane; the control plane; the resolver; the
    /// thread on which both live, and after which nobody may wait for it.
    public func run() async throws {
        let executor = try EventExecutor()
        let thread = try SystemThread(name: "control") { executor.run() }
        defer {
            executor.stop()
            thread.join()
        }
        let resolver = Resolver(executor: executor, servers: settings.dnsServers)
        try await Self.run {
            try await resolver.open()
            try await run(executor, resolver)
        } finally: {
            await resolver.close()
        }
    }

    private func run(_ executor: EventExecutor, _ resolver: Resolver) async throws {
        let options = ControlOptions(settings)
        let published = PublishedPlan(.empty(options))
        let held = HeldClients()
        let control = Control(
            executor: executor, options: options, resolver: resolver, published: published, held: held,
            files: TLSFiles(settings), stateFile: settings.stateDirectory.map(StateFile.init(directory:)),
            about: ProgramFacts(unixListeners: unixListenTexts, logChoice: logChoice), logger: logger)
        let accessLog = AccessLog(logger: logger, isOn: settings.accessLog)
        let plane = try DataPlane(
            options: try dataPlaneOptions(), plan: published, held: held, accessLog: accessLog,
            report: { control.tell($0) })
        var inherited = context.inherited
        let manager = context.notify.map { ManagersStore(notify: $0) }
        let store = SessionStore.open(
            &inherited, of: plane, keptBy: manager, isWanted: settings.crashSafety == .on, logger: logger)
        let listeners = Listeners(executor: executor, plane: plane, resolver: resolver, inheriting: inherited)
        let handover: Handover?
        do {
            handover = try recover(store, plane)
            try await listen(on: listeners)
            if let manager, let store, store.isKept { await keep(listeners, in: manager) }
            try plane.start()
            store?.keepOwn()
        } catch {
            store?.giveBack()
            throw error
        }
        defer { plane.stop() }
        let supervision = await supervise(executor, control, plane)
        let reloading = Reloading(
            executor: executor, settings, from: file,
            parts: Reloading.Parts(
                source: source, control: control, listeners: listeners, resolver: resolver, plane: plane,
                logChoice: logChoice, accessLog: accessLog, supervision: supervision,
                hasManagersSockets: !context.sockets.isEmpty), logger: logger)
        let leaving = Leaving(
            executor: executor, control: control, plane: plane, listeners: listeners, reloading: reloading,
            supervision: supervision, store: store, logger: logger)
        let heir = Heir(
            control: control, plane: plane, listeners: listeners, store: store, reloading: reloading,
            turnover: turnover, logger: logger)
        try await Self.run {
            await control.start(
                runners: plane.runners, listeners: await listeners.addresses, inheriting: handover, store: store)
            await control.reloads(by: reloading)
            let admin = await AdminServer.open(
                settings, desk: desk(control), places: Limits.adminClients(of: try Limits.raiseDescriptors()),
                logger: logger)
            try await Self.run {
                await supervision?.started()
                try await serve(control, leaving, heir)
            } finally: {
                await supervision?.close()
                await admin?.close()
            }
        } finally: {
            await control.close()
        }
    }

    /// Runs a body, and afterwards what ends it, whether it threw or not.
    private static func run(_ body: () async throws -> Void, finally end: () async -> Void) async throws {
        do {
            try await body()
        } catch {
            await end()
            throw error
        }
        await end()
    }

    /// What the admin server can ask for and order.
    private func desk(_ control: Control) -> AdminDesk {
        var orders = AdminOrders()
        orders.setLogLevel = { [logChoice, logger] level, receiver in
            logChoice.change(level: level)
            logger.info("log level changed", metadata: ["log_level": "\(level.rawValue)"])
            receiver(.done("lines are logged from \(level.rawValue) on"))
        }
        orders.reload = { receiver in
            control.carryOut({ (control) async throws(OrderError) in try await control.reload() }, receiver)
        }
        orders.drain = { endpoint, receiver in
            control.carryOut({ (control) async throws(OrderError) in try control.drain(endpoint) }, receiver)
        }
        orders.undrain = { endpoint, receiver in
            control.carryOut({ (control) async throws(OrderError) in try control.undrain(endpoint) }, receiver)
        }
        return AdminDesk(
            snapshot: { receiver in control.read({ $0.snapshot() }, for: receiver) },
            explanation: { receiver in control.read({ $0.explanation() }, for: receiver) },
            sessions: { receiver in control.findSessions(for: receiver) },
            orders: orders)
    }

    /// Nobody to tell: nothing, and no wake-up for it.
    private func supervise(
        _ executor: EventExecutor, _ control: Control, _ plane: DataPlane
    ) async -> Supervision? {
        guard let notify = context.notify else { return nil }
        let supervision = Supervision(
            executor: executor, notify: notify, watchdog: context.watchdog,
            watched: plane.runners.map { runner in
                Supervision.Watched(rounds: { runner.rounds }, wake: { runner.wake() })
            }, logger: logger, standing: { control.assumeIsolated { $0.standing } })
        await control.whenChanged { [weak supervision] in
            supervision?.assumeIsolated { $0.standingMayHaveChanged() }
        }
        return supervision
    }

    /// Where the manager does not hear it, a crash closes listeners that are not its own; that is no reason not to serve.
    private func keep(_ listeners: Listeners, in manager: ManagersStore) async {
        do throws(SystemError) {
            try await listeners.keep(in: manager)
        } catch {
            logger.warning("the service manager does not hear us", metadata: ["error": "\(error)"])
        }
    }

    /// Brings back the sessions of an earlier process, and what that has noted of endpoints.
    private func recover(_ store: SessionStore?, _ plane: DataPlane) throws(SystemError) -> Handover? {
        guard let store else { return nil }
        try store.recover()
        if settings.policy == .leastSessions { plane.countSessions() }
        let places = plane.places
        let source = ControlOptions(settings).rememberedSource
        return (Handover(parsing: plane.readNote()) ?? Handover(source: source, entries: [])).completed(by: places)
    }

    private func serve(_ control: Control, _ leaving: Leaving, _ heir: Heir) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await control.run() }
            group.addTask { await tellReady(control) }
            group.addTask {
                for await _ in reloads { _ = try? await control.reload() }  // what went wrong is in the log
            }
            group.addTask { await succession.serve(heir) }
            try await Self.stopIsWanted()
            await turnover.beginLeaving()
            await leaving.leave()
            group.cancelAll()
        }
    }

    /// Returns when a graceful shutdown was asked for; throws where the task was cancelled. As the library's own, which starts
    /// Swift's pool of threads for it: and the pool wants to look at itself in /proc, and traps where there is none.
    private static func stopIsWanted() async throws {
        let (stops, stop) = AsyncStream<Void>.makeStream()
        await withGracefulShutdownHandler {
            for await _ in stops {}
        } onGracefulShutdown: {
            stop.finish()
        }
        try Task.checkCancellation()
    }

    /// The line for which scripts wait, with the endpoints as far as they are known by then.
    private func tellReady(_ control: Control) async {
        await control.endpointsKnown(within: Self.patienceForReadyLine)
        guard !Task.isCancelled else { return }
        let endpoints = await control.endpointTexts
        logger.info(
            "ready to proxy client requests",
            metadata: [
                "endpoints": .array(endpoints.map { "\($0)" }),
                "listen": .array(listenTexts.map { "\($0)" }),
            ])
        _ = clinux_give_back_memory()  // refused: then it stays, as in any other program
    }

    private var listenTexts: [String] {
        context.sockets.isEmpty ? settings.listenAddresses.map(\.description) : context.sockets.map(\.address)
    }

    private var unixListenTexts: [String] {
        guard context.sockets.isEmpty else { return context.sockets.map(\.address).filter { SocketAddress($0) == nil } }
        return settings.listenAddresses.compactMap { if case .unix = $0 { $0.description } else { nil } }
    }

    private func dataPlaneOptions() throws -> csp_options {
        var options = csp_options_default()
        let descriptors = try Limits.raiseDescriptors()
        options.loops = settings.loops.map { UInt32(clamping: $0) } ?? Limits.defaultLoops()
        options.max_descriptors = Limits.descriptorsForSessions(of: descriptors)
        options.take(settings)
        options.pipe_pages = Limits.pipePages()
        options.spin_us = UInt32(clamping: settings.spinMicroseconds)
        try setLoopbackCongestion(in: &options)
        return options
    }

    // unsafe: C reads the name and the options while the call lasts, and writes no more than the options' own field
    // holds.
    /// A name that the kernel will not take leaves connections as they were, so it is no reason not to serve.
    private func setLoopbackCongestion(in options: inout csp_options) throws {
        let name = settings.loopbackCongestion ?? ""
        try check("set the congestion control", unsafe csp_options_set_loopback_congestion(&options, name))
        let result = unsafe csp_options_try_loopback_congestion(&options)
        guard result < 0 else { return }
        let error = SystemError(-result, "use the congestion control \(name)")
        logger.warning(
            "--loopback-congestion: this machine's own choice is used instead", metadata: ["error": "\(error)"])
    }

    /// Opens every listener, or none. The service manager's sockets come before the settings: they hold the port while we
    /// restart.
    private func listen(on listeners: Listeners) async throws {
        guard !context.sockets.isEmpty else {
            _ = try await listeners.open(settings.listenAddresses)
            return
        }
        tellWhichSockets()
        try await listeners.adopt(context.sockets)
    }

    private func tellWhichSockets() {
        let names = Logger.MetadataValue.array(context.sockets.map { "\($0.name)" })
        logger.info("listening on the service manager's sockets", metadata: ["sockets": names])
        let wanted = settings.listenAddresses.map(\.description)
        guard !settings.listenAddressesAreDefault, wanted != listenTexts else { return }
        logger.warning(
            "\(Setting.listenAddresses.flag) is not used: the service manager's sockets are; change them there",
            metadata: [
                "sockets": names, "listen": .array(listenTexts.map { "\($0)" }),
                "unused": .array(wanted.map { "\($0)" }),
            ])
    }
}

/// Why a gateway cannot start, beside what the system says.
public enum StartError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A listen address names a host that this machine does not know.
    case unknownListenHost(String, port: UInt16)
    /// The kernel does not take a listener beside another one that is open.
    case overlap(ListenAddress, with: ListenAddress)

    /// One line with the way out.
    public var description: String {
        switch self {
        case .unknownListenHost(let name, let port):
            "cannot listen on \(name):\(port): neither /etc/hosts nor DNS has an address for \(name); give an address such as 127.0.0.1:\(port)"
        case .overlap(let new, let old):
            "cannot listen on \(new) while \(old) is open, for they overlap: that takes a restart, or two steps by way of another port"
        }
    }
}

extension DialPlan {
    /// Nobody to dial yet.
    fileprivate static func empty(_ options: ControlOptions) -> DialPlan {
        DialPlan(targets: [], good: 0, spread: 0, policy: options.policy, timing: options.timing)
    }
}
