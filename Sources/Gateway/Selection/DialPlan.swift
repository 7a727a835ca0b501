/// Whom to dial for the next client, in which order, and for how long. Immutable: the control loop publishes a new one
/// when anything changes, and the loops that accept clients read the last one without waiting.
public struct DialPlan: Equatable, Sendable {
    /// One endpoint to dial.
    public struct Target: Equatable, Sendable {
        /// The endpoint.
        public var endpoint: EndpointID
        /// Its addresses, the most promising first; never empty.
        public var addresses: [SocketAddress]
        /// Its weight in its tier.
        public var weight: UInt16
        /// Whether it is known to work: a dial that succeeds then is no news.
        public var isConfirmed: Bool

        /// A target in all its parts.
        public init(endpoint: EndpointID, addresses: [SocketAddress], weight: UInt16, isConfirmed: Bool) {
            self.endpoint = endpoint
            self.addresses = addresses
            self.weight = weight
            self.isConfirmed = isConfirmed
        }
    }

    /// The times that rule a dial.
    public struct Timing: Equatable, Sendable {
        /// How long one attempt may take. Default 1 s.
        public var dialTimeout: Duration
        /// How long one attempt may be silent before the next is made beside it; `nil`: for ever. Default 250 ms.
        public var hedgeDelay: Duration?
        /// How long a client is held while nobody answers; `nil`: not at all. Default 10 s.
        public var holdTimeout: Duration?

        /// Times in this order: one attempt, silence before the next, holding.
        public init(dialTimeout: Duration, hedgeDelay: Duration?, holdTimeout: Duration?) {
            self.dialTimeout = dialTimeout
            self.hedgeDelay = hedgeDelay
            self.holdTimeout = holdTimeout
        }
    }

    /// All that can be dialed, in order of preference: those believed good by tier, then the rest (panic).
    public let targets: [Target]
    /// How many of the first targets are believed good; 0 means panic: everybody is tried.
    public var good: Int
    /// Among how many of the first targets the policy spreads new sessions: 1 for `pinned` and `fastest`.
    public var spread: Int
    /// How that spreading is done.
    public var policy: Policy
    /// The times that rule a dial.
    public var timing: Timing
    /// How many addresses the target with the most has.
    let mostAddresses: Int

    /// A plan in all its parts.
    public init(targets: [Target], good: Int, spread: Int, policy: Policy, timing: Timing) {
        self.targets = targets
        self.good = good
        self.spread = spread
        self.policy = policy
        self.timing = timing
        mostAddresses = targets.reduce(0) { max($0, $1.addresses.count) }
    }

    /// Whether an endpoint is believed bad, and dialed only because others are too, or are silent.
    public func rests(_ endpoint: EndpointID) -> Bool { !targets.prefix(good).contains { $0.endpoint == endpoint } }

    /// The target at a place of the order that starts with `pick` and else follows ``targets``.
    func target(at place: Int, startingWith pick: Int) -> Int? {
        guard place < targets.count else { return nil }
        if place == 0 { return pick }
        return place <= pick ? place - 1 : place
    }
}
