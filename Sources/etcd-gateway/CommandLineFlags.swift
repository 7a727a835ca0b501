import ArgumentParser
import Gateway

/// The flags, one property each: ArgumentParser reads them as text, and `Settings` says what they mean, so that flags,
/// environment and settings file are judged by the same rules.
struct CommandLineFlags: ParsableArguments {
    @Option(name: .customLong(Setting.listenAddresses.rawValue), help: .setting(.listenAddresses))
    var listenAddresses: [String] = []
    @Option(name: .customLong(Setting.configFile.rawValue), help: .setting(.configFile), completion: .file())
    var configFile: String?
    @Option(name: .customLong(Setting.stateDirectory.rawValue), help: .setting(.stateDirectory), completion: .directory)
    var stateDirectory: String?
    @Option(name: .customLong(Setting.endpoints.rawValue), help: .setting(.endpoints))
    var endpoints: [String] = []
    @Option(name: .customLong(Setting.discoveryDomain.rawValue), help: .setting(.discoveryDomain))
    var discoveryDomain: String?
    @Option(name: .customLong(Setting.discoveryName.rawValue), help: .setting(.discoveryName))
    var discoveryName: String?
    @Option(name: .customLong(Setting.insecureDiscovery.rawValue), help: .setting(.insecureDiscovery))
    var insecureDiscovery: String?
    @Option(name: .customLong(Setting.trustedCAFile.rawValue), help: .setting(.trustedCAFile), completion: .file())
    var trustedCAFile: String?
    @Option(
        name: .customLong(Setting.discoveryVerification.rawValue), help: .setting(.discoveryVerification),
        completion: .list(DiscoveryVerification.allCases.map(\.rawValue)))
    var discoveryVerification: String?
    @Option(name: .customLong(Setting.dnsServers.rawValue), help: .setting(.dnsServers))
    var dnsServers: [String] = []
    @Option(name: .customLong(Setting.minimumTTL.rawValue), help: .setting(.minimumTTL))
    var minimumTTL: String?
    @Option(name: .customLong(Setting.maximumTTL.rawValue), help: .setting(.maximumTTL))
    var maximumTTL: String?
    @Option(name: .customLong(Setting.removedEndpointGrace.rawValue), help: .setting(.removedEndpointGrace))
    var removedEndpointGrace: String?
    @Option(
        name: .customLong(Setting.policy.rawValue), help: .setting(.policy),
        completion: .list(Policy.allCases.map(\.rawValue)))
    var policy: String?
    @Option(name: .customLong(Setting.rebalance.rawValue), help: .setting(.rebalance))
    var rebalance: String?
    @Option(name: .customLong(Setting.dialTimeout.rawValue), help: .setting(.dialTimeout))
    var dialTimeout: String?
    @Option(name: .customLong(Setting.hedgeDelay.rawValue), help: .setting(.hedgeDelay))
    var hedgeDelay: String?
    @Option(name: .customLong(Setting.holdTimeout.rawValue), help: .setting(.holdTimeout))
    var holdTimeout: String?
    @Option(name: .customLong(Setting.retryDelay.rawValue), help: .setting(.retryDelay))
    var retryDelay: String?
    @Option(
        name: .customLong(Setting.healthCheck.rawValue), help: .setting(.healthCheck),
        completion: .list(HealthCheck.allCases.map(\.rawValue)))
    var healthCheck: String?
    @Option(name: .customLong(Setting.healthInterval.rawValue), help: .setting(.healthInterval))
    var healthInterval: String?
    @Option(
        name: .customLong(Setting.healthCertificateFile.rawValue), help: .setting(.healthCertificateFile),
        completion: .file())
    var healthCertificateFile: String?
    @Option(
        name: .customLong(Setting.healthKeyFile.rawValue), help: .setting(.healthKeyFile), completion: .file())
    var healthKeyFile: String?
    @Option(
        name: .customLong(Setting.onEndpointDown.rawValue), help: .setting(.onEndpointDown),
        completion: .list(EndpointDownPolicy.allCases.map(\.rawValue)))
    var onEndpointDown: String?
    @Option(name: .customLong(Setting.maximumSessions.rawValue), help: .setting(.maximumSessions))
    var maximumSessions: String?
    @Option(name: .customLong(Setting.drainTimeout.rawValue), help: .setting(.drainTimeout))
    var drainTimeout: String?
    @Option(name: .customLong(Setting.drainOnStop.rawValue), help: .setting(.drainOnStop))
    var drainOnStop: String?
    @Option(
        name: .customLong(Setting.crashSafe.rawValue), help: .setting(.crashSafe),
        completion: .list(CrashSafety.allCases.map(\.rawValue)))
    var crashSafe: String?
    @Option(name: .customLong(Setting.loops.rawValue), help: .setting(.loops))
    var loops: String?
    @Option(name: .customLong(Setting.keepalive.rawValue), help: .setting(.keepalive))
    var keepalive: String?
    @Option(name: .customLong(Setting.userTimeout.rawValue), help: .setting(.userTimeout))
    var userTimeout: String?
    @Option(
        name: .customLong(Setting.loopbackCongestion.rawValue), help: .setting(.loopbackCongestion))
    var loopbackCongestion: String?
    @Option(name: .customLong(Setting.spin.rawValue), help: .setting(.spin))
    var spin: String?
    @Option(name: .customLong(Setting.adminSocket.rawValue), help: .setting(.adminSocket), completion: .file())
    var adminSocket: String?
    @Option(name: .customLong(Setting.metricsAddress.rawValue), help: .setting(.metricsAddress))
    var metricsAddress: String?
    @Option(
        name: .customLong(Setting.logFormat.rawValue), help: .setting(.logFormat),
        completion: .list(LogFormat.allCases.map(\.rawValue)))
    var logFormat: String?
    @Option(
        name: .customLong(Setting.logLevel.rawValue), help: .setting(.logLevel),
        completion: .list(LogLevel.allCases.map(\.rawValue)))
    var logLevel: String?
    @Option(name: .customLong(Setting.accessLog.rawValue), help: .setting(.accessLog))
    var accessLog: String?

    /// What was given, by setting.
    var given: [Setting: [String]] {
        let repeatable: [Setting: [String]] = [
            .listenAddresses: listenAddresses, .endpoints: endpoints, .dnsServers: dnsServers,
        ]
        let single: [Setting: String?] = [
            .configFile: configFile, .stateDirectory: stateDirectory, .discoveryDomain: discoveryDomain,
            .discoveryName: discoveryName, .insecureDiscovery: insecureDiscovery, .trustedCAFile: trustedCAFile,
            .discoveryVerification: discoveryVerification, .healthCheck: healthCheck, .healthInterval: healthInterval,
            .healthCertificateFile: healthCertificateFile, .healthKeyFile: healthKeyFile,
            .onEndpointDown: onEndpointDown,
            .minimumTTL: minimumTTL, .maximumTTL: maximumTTL, .removedEndpointGrace: removedEndpointGrace,
            .policy: policy, .rebalance: rebalance, .dialTimeout: dialTimeout, .hedgeDelay: hedgeDelay,
            .holdTimeout: holdTimeout,
            .retryDelay: retryDelay, .maximumSessions: maximumSessions, .drainTimeout: drainTimeout,
            .drainOnStop: drainOnStop, .crashSafe: crashSafe, .loops: loops, .keepalive: keepalive,
            .userTimeout: userTimeout, .loopbackCongestion: loopbackCongestion, .spin: spin,
            .adminSocket: adminSocket, .metricsAddress: metricsAddress, .logFormat: logFormat,
            .logLevel: logLevel, .accessLog: accessLog,
        ]
        return repeatable.filter { !$0.value.isEmpty }
            .merging(single.compactMapValues { $0 }.mapValues { [$0] }) { first, _ in first }
    }
}

extension ArgumentHelp {
    /// The sentence of the table of settings, with the default.
    fileprivate static func setting(_ setting: Setting) -> ArgumentHelp {
        let fallback = setting.defaultText.isEmpty ? "" : " (default: \(setting.defaultText))"
        let valueName = setting.isBoolean ? "true|false" : setting.valueName
        return ArgumentHelp("\(setting.summary)\(fallback)", valueName: valueName)
    }
}
