internal import Gateway
internal import Logging

/// Brings changed settings into force while the gateway serves. Lives on the control loop.
///
/// First everything is done that can fail: reading, looking at certificate files, opening listeners, setting up a channel
/// to other name servers. What fails there is undone, and nothing has changed. The rest cannot fail.
actor Reloading {
    /// All that settings reach.
    struct Parts: Sendable {
        var source: SettingsSource
        var control: Control
        var listeners: Listeners
        var resolver: Resolver
        var plane: DataPlane
        var logChoice: LogChoice
        var accessLog: AccessLog
        var supervision: Supervision?
        /// The service manager's sockets are listened on, instead of what the settings say.
        var hasManagersSockets: Bool
    }

    private let executor: EventExecutor
    private let parts: Parts
    private let logger: Logger
    /// What is in force.
    private var settings: Settings
    private var file: String?
    private var isClosed = false
    /// One at a time; those that come meanwhile wait in this order.
    private var isBusy = false
    private var queue: [CheckedContinuation<Void, Never>] = []

    // unsafe: an unowned reference to the executor, which the actor holds, and its thread while it runs a job.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// These settings are in force, and came from this file.
    init(executor: EventExecutor, _ settings: Settings, from file: String?, parts: Parts, logger: Logger) {
        self.executor = executor
        self.settings = settings
        self.file = file
        self.parts = parts
        self.logger = logger
    }

    /// Reads the settings again, and brings all of them into force or none. Returns one line that says what has changed.
    func reload() async throws(OrderError) -> String {
        await enter()
        defer { leave() }
        guard !isClosed else { throw OrderError("the gateway is stopping") }
        await parts.supervision?.reloading()
        let result = await attempt()
        await parts.supervision?.reloaded()
        return try result.get()
    }

    /// Nothing is reloaded any more. Returns what is in force.
    func close() async -> Settings {
        await enter()
        defer { leave() }
        isClosed = true
        return settings
    }

    /// Does something during which settings and listeners stay as they are, if another process could begin with what the
    /// settings say now. Throws what speaks against that. Nothing, where this one is about to end.
    func exclude(_ body: @Sendable () async -> Void) async throws(SettingsSource.Trouble) {
        await enter()
        defer { leave() }
        guard !isClosed else { return }
        try await proveThatOneCanBegin()
        await body()
    }

    /// Who has taken over cannot go back, so what may be refused to it is tried here: listeners that are not open yet.
    private func proveThatOneCanBegin() async throws(SettingsSource.Trouble) {
        let new = try parts.source.read(after: file).settings
        guard !parts.hasManagersSockets else { return }
        do {
            try await parts.listeners.tryOut(new.listenAddresses)
        } catch {
            throw SettingsSource.Trouble(lines: ["\(error)"])
        }
    }

    private func enter() async {
        guard isBusy else {
            isBusy = true
            return
        }
        await withCheckedContinuation { queue.append($0) }
    }

    /// Where somebody waits it stays busy, for him.
    private func leave() {
        guard !queue.isEmpty else {
            isBusy = false
            return
        }
        queue.removeFirst().resume()
    }

    private func attempt() async -> Result<String, OrderError> {
        do throws(SettingsSource.Trouble) {
            let reading = try parts.source.read(after: file)
            for warning in reading.warnings { logger.warning("\(warning)") }
            let new = reading.settings.keepingUntilRestart(settings)
            let changed = settings.changes(to: new)
            try await prepare(new)
            await bringIntoForce(new)
            (settings, file) = (new, reading.path)
            return .success(tell(changed, onlyAfterRestart: new.changes(to: reading.settings)))
        } catch {
            for line in error.lines {
                logger.error("settings are not reloaded, nothing has changed", metadata: ["error": "\(line)"])
            }
            return .failure(OrderError("nothing has changed: " + error.lines.joined(separator: "; ")))
        }
    }

    /// Does all that can fail. The old listeners stay open beside the new ones.
    private func prepare(_ new: Settings) async throws(SettingsSource.Trouble) {
        do {
            try TLSFiles(new).check()
            let opened = parts.hasManagersSockets ? [] : try await parts.listeners.open(new.listenAddresses)
            guard new.dnsServers != settings.dnsServers else { return }
            do {
                try await parts.resolver.use(servers: new.dnsServers)
            } catch {
                await parts.listeners.close(opened)
                throw error
            }
        } catch {
            throw SettingsSource.Trouble(lines: ["\(error)"])
        }
    }

    private func bringIntoForce(_ new: Settings) async {
        parts.logChoice.change(format: new.logFormat, level: new.logLevel)
        parts.accessLog.turn(on: new.accessLog)
        parts.plane.change(to: new)
        let hasOtherServers = new.dnsServers != settings.dnsServers
        if !parts.hasManagersSockets { await parts.listeners.keep(only: new.listenAddresses) }
        await parts.control.reconfigure(
            new, listeners: await parts.listeners.addresses, hasOtherNameServers: hasOtherServers)
        if new.policy == .leastSessions, settings.policy != .leastSessions { parts.plane.countSessions() }
    }

    private func tell(_ changed: [Setting], onlyAfterRestart pending: [Setting]) -> String {
        let names = Logger.MetadataValue.array(changed.map { "\($0.flag)" })
        logger.info("settings reloaded, no session was touched", metadata: ["changed": names])
        if changed.contains(.listenAddresses), parts.hasManagersSockets {
            logger.warning("\(Setting.listenAddresses.flag) is not used: the service manager's sockets are")
        }
        if !pending.isEmpty {
            logger.warning(
                "these settings take effect only with a restart",
                metadata: ["settings": .array(pending.map { "\($0.flag)" })])
        }
        let list = { (settings: [Setting]) in settings.map(\.flag).joined(separator: ", ") }
        let news = changed.isEmpty ? "nothing has changed" : "changed: \(list(changed))"
        return pending.isEmpty ? news : "\(news); only with a restart: \(list(pending))"
    }
}

extension TLSFiles {
    /// Whether they can be used, where any are named.
    fileprivate func check() throws(TLSFilesError) {
        guard !isEmpty else { return }
        var source = TLSContextSource(self)
        _ = try source.context()
    }
}
