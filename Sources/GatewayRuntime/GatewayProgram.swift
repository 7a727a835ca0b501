public import Gateway
internal import Glibc
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// The program around the service: settings in, exit code out.
public enum GatewayProgram {
    /// Runs the gateway until it is told to stop. Returns the exit code: 0 on request, 1 where it cannot run, 2 where a
    /// setting is wrong.
    public static func run(flags: [Setting: [String]], environment: [String: String]) -> Int32 {
        StandardStreams.fillGaps()
        signal(SIGPIPE, SIG_IGN)  // a peer that is gone is an error of one write, not of the process
        guard let context = readContext(environment) else { return 2 }
        guard let settings = readSettings(flags: flags, environment: environment) else {
            if let wayBack = context.wayBack { complain("\(wayBack)") }
            return 2
        }
        let threshold = LogThreshold(settings.settings.logLevel)
        let logger = Logger(label: "etcd-gateway") { _ in
            LineLog(format: settings.settings.logFormat, threshold: threshold)
        }
        for warning in settings.warnings + context.warnings { logger.warning("\(warning)") }
        let service = GatewayService(
            settings: settings.settings, logger: logger, threshold: threshold, context: context)
        do throws(SystemError) {
            return try ProgramExecutor().run { await run(service, logger) }
        } catch {
            return failed(error)
        }
    }

    private static func run(_ service: GatewayService, _ logger: Logger) async -> Int32 {
        do {
            try await ServiceGroup(
                services: [service], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet(logger)
            ).run()
            return 0
        } catch {
            return failed(error)
        }
    }

    private static func failed(_ error: any Error) -> Int32 {
        complain("\(error)")
        return 1
    }

    private static func readContext(_ environment: [String: String]) -> ServiceContext? {
        defer { for name in ActivatedSocket.variables { unsafe unsetenv(name) } }
        do throws(ActivationError) {
            return try ServiceContext(environment: environment)
        } catch {
            complain("\(error)")
            return nil
        }
    }

    static func readSettings(
        flags: [Setting: [String]], environment: [String: String]
    ) -> (settings: Settings, warnings: [String])? {
        var file: (path: String, text: String)?
        if let path = Settings.configFilePath(flags: flags, environment: environment) {
            if let text = SystemFile.read(path.path) {
                file = (path.path, text)
            } else if path.isRequired {
                complain("--config-file: cannot read \(path.path)")
                return nil
            }
        }
        let resolution = Settings.resolve(flags: flags, environment: environment, file: file)
        switch resolution.result {
        case .success(let settings):
            return (settings, resolution.warnings)
        case .failure(let errors):
            for error in errors.all { complain("\(error)") }
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
