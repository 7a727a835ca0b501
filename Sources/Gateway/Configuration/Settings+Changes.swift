// What differs between two sets of settings, and what of it can take effect while the gateway runs.
extension Settings {
    /// The settings that differ, in the order of the table.
    public func changes(to new: Settings) -> [Setting] {
        Setting.allCases.filter { !$0.isSame(self, new) }
    }

    /// These settings, but with what cannot change without a restart as `running` has it.
    public func keepingUntilRestart(_ running: Settings) -> Settings {
        var settings = self
        settings.loops = running.loops
        settings.crashSafety = running.crashSafety
        settings.adminSocket = running.adminSocket
        settings.metricsAddress = running.metricsAddress
        settings.spinMicroseconds = running.spinMicroseconds
        settings.loopbackCongestion = running.loopbackCongestion
        settings.stateDirectory = running.stateDirectory
        return settings
    }
}

extension Setting {
    /// Whether a change takes effect while the gateway runs.
    public var isReloadable: Bool {
        switch self {
        // Threads, what they do from their first moment on, and files that were opened at the start.
        case .loops, .spin, .loopbackCongestion, .stateDirectory, .crashSafe, .adminSocket, .metricsAddress: false
        case .configFile: false  // it is named by the command line or the environment, which do not change
        case .listenAddresses, .endpoints, .discoveryDomain, .discoveryName, .insecureDiscovery, .trustedCAFile,
            .discoveryVerification, .dnsServers, .minimumTTL, .maximumTTL, .removedEndpointGrace, .policy, .rebalance,
            .dialTimeout, .hedgeDelay, .holdTimeout, .retryDelay, .healthCheck, .healthInterval,
            .healthCertificateFile, .healthKeyFile, .onEndpointDown, .maximumSessions, .drainTimeout, .drainOnStop,
            .keepalive, .userTimeout, .logFormat, .logLevel, .accessLog:
            true
        }
    }

    /// Whether both say the same of this setting.
    fileprivate func isSame(_ old: Settings, _ new: Settings) -> Bool {
        switch self {
        case .listenAddresses: old.listenAddresses == new.listenAddresses
        case .configFile: true
        case .stateDirectory: old.stateDirectory == new.stateDirectory
        case .endpoints: old.endpoints == new.endpoints && old.endpointsAreDefault == new.endpointsAreDefault
        case .discoveryDomain: old.discoveryDomain == new.discoveryDomain
        case .discoveryName: old.discoveryName == new.discoveryName
        case .insecureDiscovery: old.insecureDiscovery == new.insecureDiscovery
        case .trustedCAFile: old.trustedCAFile == new.trustedCAFile
        case .discoveryVerification: old.discoveryVerification == new.discoveryVerification
        case .dnsServers: old.dnsServers == new.dnsServers
        case .minimumTTL: old.minimumTTL == new.minimumTTL
        case .maximumTTL: old.maximumTTL == new.maximumTTL
        case .removedEndpointGrace: old.removedEndpointGrace == new.removedEndpointGrace
        case .policy: old.policy == new.policy
        case .rebalance: old.rebalance == new.rebalance
        case .dialTimeout: old.dialTimeout == new.dialTimeout
        case .hedgeDelay: old.hedgeDelay == new.hedgeDelay
        case .holdTimeout: old.holdTimeout == new.holdTimeout
        case .retryDelay: old.retryDelay == new.retryDelay
        case .healthCheck: old.healthCheck == new.healthCheck
        case .healthInterval: old.healthInterval == new.healthInterval
        case .healthCertificateFile: old.healthCertificateFile == new.healthCertificateFile
        case .healthKeyFile: old.healthKeyFile == new.healthKeyFile
        case .onEndpointDown: old.onEndpointDown == new.onEndpointDown
        case .maximumSessions: old.maximumSessions == new.maximumSessions
        case .drainTimeout: old.drainTimeout == new.drainTimeout
        case .drainOnStop: old.drainsOnStop == new.drainsOnStop
        case .adminSocket: old.adminSocket == new.adminSocket
        case .metricsAddress: old.metricsAddress == new.metricsAddress
        case .crashSafe: old.crashSafety == new.crashSafety
        case .loops: old.loops == new.loops
        case .keepalive: old.keepalive == new.keepalive
        case .userTimeout: old.userTimeout == new.userTimeout
        case .loopbackCongestion: old.loopbackCongestion == new.loopbackCongestion
        case .spin: old.spinMicroseconds == new.spinMicroseconds
        case .logFormat: old.logFormat == new.logFormat
        case .logLevel: old.logLevel == new.logLevel
        case .accessLog: old.accessLog == new.accessLog
        }
    }
}
