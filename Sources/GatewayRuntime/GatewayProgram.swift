public import Gateway
internal import Glibc
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// The program around the service: settings in, exit code out.
public enum GatewayProgram {
    /// Runs the gateway until it is told to stop. Returns the exit code: 0 on request, 1 where it cannot run, 2 where a
    /// setting is wrong.
    public static func run(flags: [Setting: [String]], environment: [String: String]) async -> Int32 {
        StandardStreams.fillGaps()
        signal(SIGPIPE, SIG_IGN)  // a peer that is gone is an error of one write, not of the process
        guard let settings = readSettings(flags: flags, environment: environment) else { return 2 }
        let logger = Logger(label: "etcd-gateway") { _ in
            LineLog(format: settings.settings.logFormat, level: settings.settings.logLevel)
        }
        for warning in settings.warnings { logger.warning("\(warning)") }
        do {
            let service = GatewayService(settings: settings.settings, logger: logger)
            try await ServiceGroup(
                services: [service], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet(logger)
            ).run()
            return 0
        } catch {
            Output.write("etcd-gateway: \(error)", to: STDERR_FILENO)
            return 1
        }
    }

    private static func readSettings(
        flags: [Setting: [String]], environment: [String: String]
    ) -> (settings: Settings, warnings: [String])? {
        var file: (path: String, text: String)?
        if let path = Settings.configFilePath(flags: flags, environment: environment) {
            if let text = SystemFile.read(path.path) {
                file = (path.path, text)
            } else if path.isRequired {
                Output.write("etcd-gateway: --config-file: cannot read \(path.path)", to: STDERR_FILENO)
                return nil
            }
        }
        let resolution = Settings.resolve(flags: flags, environment: environment, file: file)
        switch resolution.result {
        case .success(let settings):
            return (settings, resolution.warnings)
        case .failure(let errors):
            for error in errors.all { Output.write("etcd-gateway: \(error)", to: STDERR_FILENO) }
            Output.write("etcd-gateway: `etcd-gateway --help` explains every setting", to: STDERR_FILENO)
            return nil
        }
    }

    /// The service group's own steps are of interest only when debugging.
    private static func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        if logger.logLevel > .debug { logger.logLevel = .error }
        return logger
    }
}
