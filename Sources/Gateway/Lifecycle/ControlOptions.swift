/// What the control machine needs to know of the settings.
public struct ControlOptions: Equatable, Sendable {
    /// Configured endpoints.
    public var endpoints: [EndpointDeclaration]
    /// Whether nobody configured them: then they are no fallback of discovery.
    public var endpointsAreDefault: Bool
    /// The discovery domain's records, where one is configured.
    public var discovery: DiscoverySource?
    /// How new sessions are spread.
    public var policy: Policy
    /// How many misplaced sessions are reset in a minute; 0: none.
    public var rebalance: Int
    /// The times of a dial.
    public var timing: DialPlan.Timing
    /// The longest wait before a failed endpoint is probed again.
    public var retryDelay: Duration
    /// When names are asked for again.
    public var names: NameWatch.Timing
    /// How long the sessions of a removed endpoint may go on.
    public var removalGrace: Duration

    /// Which probes are used.
    public var healthCheck: HealthCheck
    /// How often serving endpoints are probed without suspicion; `nil`: not at all.
    public var healthInterval: Duration?
    /// Whether there is a client certificate or an authority for `https` probes.
    public var hasTLSFiles: Bool
    /// Whether the sessions of an endpoint that is proven dead are reset.
    public var resetsSessionsOfDead: Bool
    /// What discovered endpoints must prove; `nil`: nothing.
    public var verification: VerificationRule?

    /// The name for which a discovered endpoint's certificate must be valid.
    public enum VerificationRule: Equatable, Sendable {
        case domain(String)
        case target
    }

    /// The part of the settings that decisions depend on.
    public init(_ settings: Settings) {
        endpoints = settings.endpoints.map(EndpointDeclaration.init)
        endpointsAreDefault = settings.endpointsAreDefault
        discovery = settings.discoveryDomain.map {
            DiscoverySource(
                domain: $0, suffix: settings.discoveryName, isInsecure: settings.insecureDiscovery,
                requiresTLS: settings.trustedCAFile != nil)
        }
        policy = settings.policy
        rebalance = settings.rebalance
        timing = DialPlan.Timing(
            dialTimeout: settings.dialTimeout, hedgeDelay: settings.hedgeDelay, holdTimeout: settings.holdTimeout)
        retryDelay = settings.retryDelay
        names = NameWatch.Timing(minimumTTL: settings.minimumTTL, maximumTTL: settings.maximumTTL)
        removalGrace = settings.removedEndpointGrace
        healthCheck = settings.healthCheck
        healthInterval = settings.healthInterval
        hasTLSFiles = settings.trustedCAFile != nil || settings.healthCertificateFile != nil
        resetsSessionsOfDead = settings.onEndpointDown == .reset
        verification = Self.verification(settings)
    }

    /// With an authority to trust, the ssl service's targets are verified; `--insecure-discovery` waives that.
    private static func verification(_ settings: Settings) -> VerificationRule? {
        guard let domain = settings.discoveryDomain, settings.trustedCAFile != nil, !settings.insecureDiscovery else {
            return nil
        }
        switch settings.discoveryVerification {
        case .domain: return .domain(domain.utf8.last == UInt8(ascii: ".") ? String(domain.dropLast()) : domain)
        case .target: return .target
        }
    }
}
