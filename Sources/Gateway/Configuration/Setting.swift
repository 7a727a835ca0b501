/// Everything that can be set. The raw value is the name of the flag, without its dashes.
///
/// This is the one table behind `--help`, the man page, the settings file, the completions and the parser:
/// names here, kinds and ranges in `Setting+Kind.swift`, words in `Setting+Text.swift`.
public enum Setting: String, CaseIterable, Sendable {
    case listenAddresses = "listen-addr"
    case configFile = "config-file"
    case stateDirectory = "state-dir"
    case endpoints = "endpoints"
    case discoveryDomain = "discovery-srv"
    case discoveryName = "discovery-srv-name"
    case insecureDiscovery = "insecure-discovery"
    case trustedCAFile = "trusted-ca-file"
    case discoveryVerification = "discovery-verify"
    case dnsServers = "dns-server"
    case minimumTTL = "min-ttl"
    case maximumTTL = "max-ttl"
    case removedEndpointGrace = "removed-endpoint-grace"
    case policy = "policy"
    case rebalance = "rebalance"
    case dialTimeout = "dial-timeout"
    case hedgeDelay = "hedge-delay"
    case holdTimeout = "hold-timeout"
    case retryDelay = "retry-delay"
    case healthCheck = "health-check"
    case healthInterval = "health-interval"
    case healthCertificateFile = "health-cert-file"
    case healthKeyFile = "health-key-file"
    case onEndpointDown = "on-endpoint-down"
    case maximumSessions = "max-sessions"
    case drainTimeout = "drain-timeout"
    case drainOnStop = "drain-on-stop"
    case crashSafe = "crash-safe"
    case loops = "loops"
    case keepalive = "tcp-keepalive"
    case userTimeout = "tcp-user-timeout"
    case loopbackCongestion = "loopback-congestion"
    case spin = "spin"
    case adminSocket = "admin-socket"
    case metricsAddress = "metrics-addr"
    case logFormat = "log-format"
    case logLevel = "log-level"
    case accessLog = "access-log"
}

extension Setting {
    /// What the names of all our environment variables begin with. `ETCD_` alone belongs to etcd and is never looked at.
    public static let environmentPrefix = "ETCD_GATEWAY_"

    /// The settings file that is read where it exists and no other is named.
    public static let defaultConfigFile = "/etc/default/etcd-gateway"

    /// The flag on the command line: `--listen-addr`.
    public var flag: String { "--" + rawValue }

    /// The environment variable, and the key in the settings file: `ETCD_GATEWAY_LISTEN_ADDR`.
    public var environmentName: String {
        Self.environmentPrefix + rawValue.uppercased().split(separator: "-").joined(separator: "_")
    }

    /// The setting with this `environmentName`, spelled exactly so.
    public init?(environmentName: String) {
        guard let setting = Self.byEnvironmentName[environmentName] else { return nil }
        self = setting
    }

    /// The chapter in which this setting is explained.
    public var group: SettingGroup {
        switch self {
        case .listenAddresses, .configFile, .stateDirectory:
            .listening
        case .endpoints:
            .endpoints
        case .discoveryDomain, .discoveryName, .insecureDiscovery, .trustedCAFile, .discoveryVerification, .dnsServers,
            .minimumTTL, .maximumTTL, .removedEndpointGrace:
            .discovery
        case .policy, .rebalance, .dialTimeout, .hedgeDelay, .holdTimeout, .retryDelay:
            .selection
        case .healthCheck, .healthInterval, .healthCertificateFile, .healthKeyFile, .onEndpointDown:
            .health
        case .maximumSessions, .drainTimeout, .drainOnStop, .crashSafe, .loops, .keepalive, .userTimeout,
            .loopbackCongestion, .spin:
            .sessions
        case .adminSocket, .metricsAddress:
            .administration
        case .logFormat, .logLevel, .accessLog:
            .logging
        }
    }

    private static let byEnvironmentName = Dictionary(
        uniqueKeysWithValues: allCases.map { ($0.environmentName, $0) })
}
