/// All settings, checked: what the gateway runs with.
public struct Settings: Sendable, Equatable {
    /// Where clients connect; at least one.
    public var listenAddresses: [ListenAddress]
    /// Whether nobody has named listen addresses, so that `listenAddresses` is the built-in `127.0.0.1:23790`.
    public var listenAddressesAreDefault: Bool
    /// The endpoints that are written down; may be empty only with a `discoveryDomain`. At most 256.
    public var endpoints: [StaticEndpoint]
    /// Whether nobody has named endpoints, so that `endpoints` is the built-in `127.0.0.1:2379`.
    public var endpointsAreDefault: Bool
    /// The domain of SRV discovery; `nil` for none.
    public var discoveryDomain: String?
    /// The suffix of the SRV service names; `nil` for none. Only with a `discoveryDomain`.
    public var discoveryName: String?
    /// Whether members without TLS are used although members with TLS exist.
    public var insecureDiscovery: Bool
    /// The path of the certificate authorities; `nil` for none.
    public var trustedCAFile: String?
    /// What discovered endpoints' certificates must be valid for; matters only with a `trustedCAFile`.
    public var discoveryVerification: DiscoveryVerification
    /// The DNS servers to ask; empty for those of the system.
    public var dnsServers: [SocketAddress]
    /// The shortest time between two refreshes of a DNS answer; at most `maximumTTL`.
    public var minimumTTL: Duration
    /// The longest time between two refreshes of a DNS answer.
    public var maximumTTL: Duration
    /// How long sessions stay on an endpoint that was removed.
    public var removedEndpointGrace: Duration
    /// The directory where the last good endpoints are kept, an absolute path; `nil` to keep nothing.
    public var stateDirectory: String?
    /// How the endpoint of a new session is chosen.
    public var policy: Policy
    /// How many sessions a minute are reset to spread them anew; 0 for none.
    public var rebalance: Int
    /// How long a dial may take.
    public var dialTimeout: Duration
    /// How long a dial runs alone; `nil` for as long as it takes.
    public var hedgeDelay: Duration?
    /// How long a client waits while no endpoint answers; `nil` for not at all.
    public var holdTimeout: Duration?
    /// The longest wait before a failed endpoint is tried again.
    public var retryDelay: Duration
    /// What probes ask.
    public var healthCheck: HealthCheck
    /// The time between two probes of an endpoint that has sessions and is not suspected; `nil` for none.
    public var healthInterval: Duration?
    /// The path of the client certificate of `https` probes; `nil` for none. Never without `healthKeyFile`.
    public var healthCertificateFile: String?
    /// The path of its private key; `nil` for none.
    public var healthKeyFile: String?
    /// What happens to the sessions of an endpoint that is proven dead.
    public var onEndpointDown: EndpointDownPolicy
    /// The most sessions at a time; `nil` for as many as the descriptor limit allows.
    public var maximumSessions: Int?
    /// How long sessions may go on after the gateway was told to stop; zero for not at all.
    public var drainTimeout: Duration
    /// Whether sessions that are stored are drained as well, instead of being left to the next process.
    public var drainsOnStop: Bool
    /// Whether sessions are stored where the next process finds them.
    public var crashSafety: CrashSafety
    /// The number of loops, 1 to 64; `nil` for one for each CPU, at most 4.
    public var loops: Int?
    /// The silence before TCP asks for a sign of life.
    public var keepalive: Duration
    /// How long bytes may stay unacknowledged; `nil` for what the system says.
    public var userTimeout: Duration?
    /// The congestion control of connections over loopback; `nil` for the machine's choice.
    public var loopbackCongestion: String?
    /// How many microseconds a loop polls before it sleeps; 0 for not at all.
    public var spinMicroseconds: Int
    /// The path of the admin socket; `nil` for none.
    public var adminSocket: String?
    /// Where metrics and the status page can be read over TCP; `nil` for nowhere.
    public var metricsAddress: SocketAddress?
    /// The form of log lines.
    public var logFormat: LogFormat
    /// The least important line that is logged.
    public var logLevel: LogLevel
    /// Whether each session leaves a line in the log.
    public var accessLog: Bool
}

/// What came of reading the settings.
public struct SettingsResolution: Sendable, Equatable {
    /// The settings, or everything that is wrong with them.
    public var result: Result<Settings, SettingsErrors>
    /// What a user should know although nothing is wrong; one line each.
    public var warnings: [String]
}

/// The settings file to read.
public struct SettingsFilePath: Sendable, Hashable {
    /// Where it is.
    public var path: String
    /// Whether somebody named it, so that it must exist; the default one need not.
    public var isRequired: Bool

    /// A path from its parts.
    public init(path: String, isRequired: Bool) {
        self.path = path
        self.isRequired = isRequired
    }
}

extension Settings {
    /// What the gateway runs with when nobody sets anything.
    public static var defaults: Settings {
        guard case .success(let settings) = resolve(flags: [:], environment: [:], file: nil).result else {
            preconditionFailure("the default texts of the table are tested")
        }
        return settings
    }

    /// Which settings file to read; `nil` for none, which is what an empty `--config-file=` says.
    public static func configFilePath(
        flags: [Setting: [String]], environment: [String: String]
    ) -> SettingsFilePath? {
        let named = flags[.configFile]?.last ?? environment[Setting.configFile.environmentName]
        guard let named else { return SettingsFilePath(path: Setting.defaultConfigFile, isRequired: false) }
        return named.isEmpty ? nil : SettingsFilePath(path: named, isRequired: true)
    }

    /// Where the admin socket of a gateway with these settings is, as far as it is said; whatever else is wrong does not matter.
    public static func adminSocketPath(
        flags: [Setting: [String]], environment: [String: String], file: (path: String, text: String)?
    ) -> String? {
        SettingsReader(GivenSettings(flags: flags, environment: environment, file: file)).text(.adminSocket)
    }

    /// Reads every setting from the strongest source that has it: flag, then environment, then file, then default.
    ///
    /// An empty text is a text like any other, wherever it stands: it names no endpoint, no domain, no directory, and is no
    /// duration. Of the environment, `ETCD_GATEWAY_…` is read, and `STATE_DIRECTORY` and
    /// `RUNTIME_DIRECTORY`, which systemd sets.
    /// - Parameters:
    ///   - flags: The texts of each flag that was given, in their order; `["true"]` for a boolean flag without a value.
    ///   - environment: The environment of the process.
    ///   - file: The settings file, already read, and its path for error messages.
    public static func resolve(
        flags: [Setting: [String]], environment: [String: String], file: (path: String, text: String)?
    ) -> SettingsResolution {
        let given = GivenSettings(flags: flags, environment: environment, file: file)
        var reader = SettingsReader(given)
        let settings = reader.settings(
            systemStateDirectory: environment["STATE_DIRECTORY"],
            systemRuntimeDirectory: environment["RUNTIME_DIRECTORY"])
        guard let settings, reader.errors.isEmpty else {
            return SettingsResolution(result: .failure(SettingsErrors(all: reader.errors)), warnings: given.warnings)
        }
        return SettingsResolution(result: .success(settings), warnings: given.warnings)
    }
}
