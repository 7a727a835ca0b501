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
    /// The times of a dial.
    public var timing: DialPlan.Timing
    /// The longest wait before a failed endpoint is probed again.
    public var retryDelay: Duration
    /// When names are asked for again.
    public var names: NameWatch.Timing
    /// How long the sessions of a removed endpoint may go on.
    public var removalGrace: Duration

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
        timing = DialPlan.Timing(
            dialTimeout: settings.dialTimeout, hedgeDelay: settings.hedgeDelay, holdTimeout: settings.holdTimeout)
        retryDelay = settings.retryDelay
        names = NameWatch.Timing(minimumTTL: settings.minimumTTL, maximumTTL: settings.maximumTTL)
        removalGrace = settings.removedEndpointGrace
    }
}
