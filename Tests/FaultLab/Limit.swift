/// The numbers that are promised. This is the one table of them.
enum Limit: String, CaseIterable, Sendable {
    /// Requests on new connections that were not answered well, of those begun when the fault was complete.
    case failedNewRequests
    /// The slowest answer to a new connection.
    case newConnectionAnswered
    /// A session that waits for an answer from a dead member is reset within this time.
    case waitingSessionReset
    /// The same where a member is only cut off from its peers.
    case evicted
    /// A session on which nobody says anything is reset within this time.
    case silentSessionReset
    /// How often a kept session may end through one fault.
    case keptSessionEndings
    /// From the end of a kept session to an answer on the next connection.
    case keptSessionWorksAgain
    /// From the first direct answer of a member that is back to the first one through the proxy.
    case servedAfterReturn
    /// How often the suffering member may be evicted in 20 s of heavy loss.
    case evictionsUnderLoss
    /// How often any other member may be evicted.
    case evictionsOfOthers
    /// How often a member may be evicted whose trouble is none.
    case evictionsWithoutCause
    /// From the moment when the last member has a new address to its first answer.
    case newMemberInUse

    /// Seconds, or a count.
    var value: Double {
        switch self {
        case .failedNewRequests: 0
        case .newConnectionAnswered: 0.35
        case .waitingSessionReset: 3
        case .evicted: 3
        case .silentSessionReset: 8
        case .keptSessionEndings: 1
        case .keptSessionWorksAgain: 0.35
        case .servedAfterReturn: 1
        case .evictionsUnderLoss: 3
        case .evictionsOfOthers: 0
        case .evictionsWithoutCause: 0
        case .newMemberInUse: 10
        }
    }

    /// Whether a measured number must be below the value or may reach it.
    var isCount: Bool {
        switch self {
        case .failedNewRequests, .keptSessionEndings, .evictionsUnderLoss, .evictionsOfOthers,
            .evictionsWithoutCause:
            true
        case .newConnectionAnswered, .waitingSessionReset, .evicted, .silentSessionReset, .keptSessionWorksAgain,
            .servedAfterReturn, .newMemberInUse:
            false
        }
    }

    /// Whether `measured` keeps the promise.
    func holds(for measured: Double) -> Bool {
        isCount ? measured <= value : measured < value
    }

    /// The promise in words.
    var words: String {
        switch self {
        case .failedNewRequests: "failed requests on new connections"
        case .newConnectionAnswered: "slowest answer on a new connection"
        case .waitingSessionReset: "sessions that wait for an answer reset after"
        case .evicted: "last new connection given to the member"
        case .silentSessionReset: "silent session reset after"
        case .keptSessionEndings: "endings of the kept session"
        case .keptSessionWorksAgain: "kept session works again after its end"
        case .servedAfterReturn: "served after the first member was back"
        case .evictionsUnderLoss: "evictions of the lossy member"
        case .evictionsOfOthers: "evictions of other members"
        case .evictionsWithoutCause: "evictions without cause"
        case .newMemberInUse: "new address in use after"
        }
    }
}
