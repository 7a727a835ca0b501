/// All that the metrics show.
public struct MetricsSnapshot: Sendable {
    /// A probe that has ended.
    public struct ProbeResult: Hashable, Sendable {
        /// Of whom.
        public var endpoint: EndpointKey
        /// What was asked.
        public var kind: ProbeKind
        /// `healthy`, `unhealthy`, `unusable` or `failed`.
        public var result: String

        /// A result that is counted.
        public init(endpoint: EndpointKey, kind: ProbeKind, outcome: ProbeOutcome) {
            self.endpoint = endpoint
            self.kind = kind
            result =
                switch outcome {
                case .connected, .tlsAnswered, .http(.healthy): "healthy"
                case .http(.unhealthy): "unhealthy"
                case .unusable: "unusable"
                case .failed: "failed"
                }
        }
    }

    /// How a question to the name service ended.
    public enum RefreshResult: String, CaseIterable, Sendable {
        case records, none, failed

        /// The result of an answer.
        public init(_ answer: Answer) {
            switch answer {
            case .services, .addresses: self = .records
            case .nothing: self = .none
            case .failed: self = .failed
            }
        }
    }

    /// What the control loop has counted.
    public struct Counts: Sendable {
        /// Probes that have ended.
        public var probes = Tally<ProbeResult>()
        /// Questions to the name service that have ended.
        public var refreshes = Tally<RefreshResult>()
        /// When records last came.
        public var lastRecords: WallTime?
        /// Times that settings were read again: `true` where they were taken.
        public var reloads = Tally<Bool>()
        /// Sessions of an earlier process that go on here.
        public var adopted: UInt64 = 0
        /// Sessions of an earlier process that could not go on.
        public var lost: UInt64 = 0
        /// Sessions that the next process would find.
        public var stored: UInt64 = 0

        /// Nothing yet.
        public init() {}
    }

    /// What the process uses; what is not known is missing.
    public struct Process: Sendable {
        /// Time on a CPU.
        public var cpu: Duration?
        /// Memory that is present.
        public var residentBytes: UInt64?
        /// Address space.
        public var virtualBytes: UInt64?
        /// Descriptors in use.
        public var descriptors: UInt64?
        /// Descriptors it may use.
        public var descriptorsMax: UInt64?
        /// Threads.
        public var threads: UInt64?

        /// Nothing is known.
        public init() {}
    }

    /// One loop.
    public struct Loop: Sendable {
        /// Its sessions now.
        public var sessions: UInt64
        /// How often it woke up.
        public var turns: UInt64
        /// Bytes that were moved inside the kernel.
        public var bytesSpliced: UInt64
        /// Bytes that were copied through our memory.
        public var bytesCopied: UInt64
        /// Pipes it has.
        public var pipes: UInt64
        /// Sessions it gave to a loop that had less to do.
        public var moved: UInt64

        /// All of it.
        public init(
            sessions: UInt64, turns: UInt64, bytesSpliced: UInt64, bytesCopied: UInt64, pipes: UInt64, moved: UInt64
        ) {
            self.sessions = sessions
            self.turns = turns
            self.bytesSpliced = bytesSpliced
            self.bytesCopied = bytesCopied
            self.pipes = pipes
            self.moved = moved
        }
    }

    /// How the gateway is doing.
    public var status: GatewayStatus
    /// The traffic of each endpoint.
    public var traffic: [EndpointKey: EndpointTraffic]
    /// How long sessions lasted, from accept to their end.
    public var sessionTimes: Histogram
    /// Sessions that ended, by reason.
    public var ends: [(reason: String, count: UInt64)]
    /// Times that accepting a connection failed, by the error's name.
    public var acceptErrors: [(error: String, count: UInt64)]
    /// Times that accepting paused, by the error's name; `limit` for our own limits.
    public var acceptPauses: [(error: String, count: UInt64)]
    /// Endpoints that failed, by reason.
    public var failovers: Tally<FailoverReason>
    /// What the control loop has counted.
    public var counts: Counts
    /// The loops, by index.
    public var loops: [Loop]
    /// What the process uses.
    public var process = Process()
    /// When it started, as it was then: clocks that are set move no start.
    public var startedAt: WallTime

    /// A snapshot of these parts, without those of the process.
    public init(
        status: GatewayStatus, startedAt: WallTime, traffic: [EndpointKey: EndpointTraffic], sessionTimes: Histogram,
        ends: [(reason: String, count: UInt64)], acceptErrors: [(error: String, count: UInt64)],
        acceptPauses: [(error: String, count: UInt64)], failovers: Tally<FailoverReason>, counts: Counts, loops: [Loop]
    ) {
        self.status = status
        self.startedAt = startedAt
        self.traffic = traffic
        self.sessionTimes = sessionTimes
        self.ends = ends
        self.acceptErrors = acceptErrors
        self.acceptPauses = acceptPauses
        self.failovers = failovers
        self.counts = counts
        self.loops = loops
    }
}
