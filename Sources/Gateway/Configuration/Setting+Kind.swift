extension Setting {
    /// What values a setting takes.
    public enum Kind: Hashable, Sendable {
        /// `true` or `false`, as Go's `strconv.ParseBool` reads them; the flag alone means `true`.
        case boolean
        /// A whole number in this range.
        case number(ClosedRange<Int>)
        /// A duration in Go's form, in this range. Zero may be allowed beside it and then has a meaning of its own.
        case duration(ClosedRange<Duration>, zeroAllowed: Bool)
        /// One of these words.
        case choice([String])
        /// Any other text: a name or a path.
        case text
        /// Items joined by commas; the flag may also be given several times.
        case list
    }

    /// What values this setting takes.
    public var kind: Kind {
        switch self {
        case .listenAddresses, .endpoints, .dnsServers: .list
        case .configFile, .stateDirectory, .discoveryDomain, .discoveryName, .trustedCAFile, .healthCertificateFile,
            .healthKeyFile, .loopbackCongestion, .adminSocket, .metricsAddress:
            .text
        case .insecureDiscovery, .accessLog, .drainOnStop: .boolean
        case .minimumTTL, .maximumTTL: .duration(.milliseconds(100) ... .hours(24), zeroAllowed: false)
        case .removedEndpointGrace, .drainTimeout: .duration(.zero ... .hours(24), zeroAllowed: true)
        case .policy: .choice(Policy.allCases.map(\.rawValue))
        case .discoveryVerification: .choice(DiscoveryVerification.allCases.map(\.rawValue))
        case .dialTimeout: .duration(.milliseconds(10) ... .minutes(1), zeroAllowed: false)
        case .hedgeDelay: .duration(.milliseconds(1) ... .minutes(1), zeroAllowed: true)
        case .holdTimeout: .duration(.milliseconds(1) ... .hours(1), zeroAllowed: true)
        case .retryDelay: .duration(.milliseconds(100) ... .hours(24), zeroAllowed: false)
        case .crashSafe: .choice(CrashSafety.allCases.map(\.rawValue))
        case .healthCheck: .choice(HealthCheck.allCases.map(\.rawValue))
        case .onEndpointDown: .choice(EndpointDownPolicy.allCases.map(\.rawValue))
        case .healthInterval: .duration(.milliseconds(100) ... .hours(1), zeroAllowed: true)
        case .rebalance: .number(0...60_000)
        case .maximumSessions: .number(0...10_000_000)
        case .loops: .number(0...64)
        case .keepalive: .duration(.seconds(1) ... .hours(2), zeroAllowed: false)
        case .userTimeout: .duration(.seconds(1) ... .hours(24), zeroAllowed: true)
        case .spin: .number(0...1000)
        case .logFormat: .choice(LogFormat.allCases.map(\.rawValue))
        case .logLevel: .choice(LogLevel.allCases.map(\.rawValue))
        }
    }

    /// Whether the flag may stand without a value, which then is `true`.
    public var isBoolean: Bool { kind == .boolean }

    /// Whether the flag may be given several times, each time adding to the list. Of any other flag the last one counts.
    public var isRepeatable: Bool { kind == .list }

    /// The allowed values in a few words, for error messages and documents: `100ms to 24h0m0s`. `nil` for texts and lists.
    public var allowedValues: String? {
        switch kind {
        case .boolean: "true or false"
        case .number(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .duration(let range, let zeroAllowed):
            (zeroAllowed && range.lowerBound > .zero ? "0, or " : "")
                + "\(range.lowerBound.goText) to \(range.upperBound.goText)"
        case .choice(let words): alternatives(words)
        case .text, .list: nil
        }
    }
}

extension Duration {
    static func minutes(_ count: Int) -> Duration { .seconds(60 * count) }
    static func hours(_ count: Int) -> Duration { .seconds(3600 * count) }
}
