/// How the gateway is doing, whole: what `status`, the status page and the metrics show. docs/status.md explains every part.
public struct GatewayStatus: Equatable, Sendable {
    /// The version of the JSON form. It grows when a reader of the last one could misunderstand; new members do not count.
    public static let schema = 1

    /// Who it is, and what it was told.
    public struct Program: Equatable, Sendable {
        /// Its release.
        public var version: String
        /// Its process number.
        public var process: Int
        /// How long it runs.
        public var uptime: Duration
        /// How new sessions are spread.
        public var policy: String
        /// Where clients connect.
        public var listeners: [String]
        /// The least important line that is logged.
        public var logLevel: String

        /// All parts of it.
        public init(
            version: String, process: Int, uptime: Duration, policy: String, listeners: [String], logLevel: String
        ) {
            self.version = version
            self.process = process
            self.uptime = uptime
            self.policy = policy
            self.listeners = listeners
            self.logLevel = logLevel
        }
    }

    /// When all this was so.
    public var time: WallTime
    /// Who says so.
    public var program: Program
    /// Whether clients are served: it listens, and at least one endpoint is believed good.
    public var isReady: Bool
    /// Whether it has been told to end: it listens no more, and its sessions may go on for a while.
    public var isStopping: Bool
    /// What has been done, and is under way.
    public var traffic: GatewayTraffic
    /// The endpoints, as they were declared.
    public var endpoints: [EndpointStatus]
    /// What DNS says of them; `nil` where nothing is asked.
    public var discovery: DiscoveryStatus?
    /// What changed last, the oldest first.
    public var events: [StatusEvent]

    /// A status of these parts.
    public init(
        time: WallTime, program: Program, isReady: Bool, isStopping: Bool = false, traffic: GatewayTraffic,
        endpoints: [EndpointStatus], discovery: DiscoveryStatus?, events: [StatusEvent]
    ) {
        self.time = time
        self.program = program
        self.isReady = isReady
        self.isStopping = isStopping
        self.traffic = traffic
        self.endpoints = endpoints
        self.discovery = discovery
        self.events = events
    }

    /// Endpoints that are believed good and serve or could.
    public var good: Int { endpoints.count { $0.state.isGood } }
}
