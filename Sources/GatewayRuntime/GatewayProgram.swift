public import Gateway
internal import Glibc
internal import Logging
internal import ServiceLifecycle

/// The program around the service: settings in, exit code out.
public enum GatewayProgram {
    /// Runs the gateway until it is told to stop. Returns the exit code: 0 on request, 1 where it cannot run, 2 where a
    /// setting is wrong.
    public static func run(flags: [Setting: [String]], environment: [String: String]) -> Int32 {
        StandardStreams.fillGaps()
        SignalWatch.block(requestSignals)  // one that comes early waits until somebody can serve it
        signal(SIGPIPE, SIG_IGN)  // a peer that is gone is an error of one write, not of the process
        signal(SIGCHLD, SIG_DFL)  // who has started us may not have wanted to know of children; we do
        guard let context = readContext(environment) else { return 2 }
        let source = SettingsSource(flags: flags, environment: environment)
        if let word = environment[Fitness.variable] {
            return Fitness.answer(word, settingsAreFit: readSettings(source) != nil)
        }
        guard let reading = readSettings(source) else {
            if let wayBack = context.wayBack { complain("\(wayBack)") }
            return 2
        }
        let choice = LogChoice(format: reading.settings.logFormat, level: reading.settings.logLevel)
        let logger = Logger(label: "etcd-gateway") { _ in LineLog(choice) }
        for warning in reading.warnings + context.warnings { logger.warning("\(warning)") }
        let service = GatewayService(
            settings: reading.settings, logger: logger, context: context, source: source, file: reading.path,
            logChoice: choice)
        do throws(SystemError) {
            SignalWatch.block(stopSignals)
            let (signals, newSignal) = AsyncStream<Int32>.makeStream()
            _ = try SignalWatch(stopSignals + requestSignals) { next in
                guard let signal = service.takeSignal(next, stops: stopSignals) else { return false }
                newSignal.yield(signal)
                return true
            }
            return ProgramExecutor().run { await run(service, signals, logger) }
        } catch {
            return failed(error)
        }
    }

    private static let stopSignals = [SIGTERM, SIGINT]
    /// Reload, and hand over.
    static let requestSignals = [SIGHUP, SIGUSR2]

    /// Serves until the service ends by itself, or is told to stop: the first time it may take its time, the second time it
    /// ends now.
    private static func run(_ service: GatewayService, _ signals: AsyncStream<Int32>, _ logger: Logger) async -> Int32 {
        // Its own name: to make one of the service's description, all settings included, takes 7 ms of the start.
        let named = ServiceGroupConfiguration.ServiceConfiguration(service: service, serviceName: "gateway")
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [named], logger: quiet(logger)))
        do {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                tasks.addTask { await obey(signals, service, group) }
                try await tasks.next()
                tasks.cancelAll()
            }
            return 0
        } catch is CancellationError {
            return 0
        } catch {
            return failed(error)
        }
    }

    /// Returns when whatever still goes on is to end now.
    private static func obey(_ signals: AsyncStream<Int32>, _ service: GatewayService, _ group: ServiceGroup) async {
        var isStopping = false
        for await signal in signals {
            if signal == SIGHUP {
                service.reload()
            } else if signal == SIGUSR2 {
                service.succeed()
            } else if isStopping {
                endAnyway()
                return
            } else {
                isStopping = true
                await group.triggerGracefulShutdown()
            }
        }
    }

    /// How long everything has to end once nobody waits for it any more: long enough for a machine that is busy.
    private static let lastSeconds: UInt32 = 5

    /// Ends the process soon, also where a thread of it is stuck. Without another thread for that, whoever is in a hurry has
    /// SIGKILL.
    private static func endAnyway() {
        let thread = try? SystemThread(name: "last-resort") {
            sleep(lastSeconds)  // no signal cuts it short: none has a handler
            complain("told twice to stop, and something has not ended after \(lastSeconds) s: the process ends")
            _exit(1)
        }
        thread?.detach()
    }

    private static func failed(_ error: any Error) -> Int32 {
        complain("\(error)")
        return 1
    }

    private static func readContext(_ environment: [String: String]) -> ServiceContext? {
        defer { for name in PassedDescriptor.variables { unsafe unsetenv(name) } }  // unsafe: no other thread yet
        do throws(ActivationError) {
            return try ServiceContext(environment: environment)
        } catch {
            complain("\(error)")
            return nil
        }
    }

    static func readSettings(_ source: SettingsSource) -> SettingsSource.Reading? {
        do throws(SettingsSource.Trouble) {
            return try source.read()
        } catch {
            for line in error.lines { complain(line) }
            complain("`etcd-gateway --help` explains every setting")
            return nil
        }
    }

    /// One line for whoever typed the command, or for the journal, where it is an error.
    static func complain(_ text: String) {
        let priority = LineLog.isJournal ? "<\(Logger.Level.error.priority)>" : ""
        Output.write("\(priority)etcd-gateway: \(text)", to: STDERR_FILENO)
    }

    /// The service group's own steps are of interest only when debugging.
    private static func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        if logger.logLevel > .debug { logger.logLevel = .error }
        return logger
    }
}
