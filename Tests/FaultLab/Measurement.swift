/// What one fault did to the clients. Times are seconds; those called "after" count from the beginning of the fault.
struct Measurement: Sendable, Codable {
    /// Requests of client (a) since the fault began.
    var requests = 0
    /// Those that began when the blow was complete and got no good answer.
    var failed = 0
    /// Those that were under way when a blow fell and got no good answer.
    var cut = 0
    /// The longest time in which no request of client (a) was answered.
    var longestGap = 0.0
    /// The slowest request of client (a) among those that began when the blow was complete.
    var slowestNew = 0.0
    /// When the last request of client (a) began that was not answered, or not in a second.
    var lastBadBeganAfter: Double?
    /// When the last unanswered request of client (a) had ended.
    var lastFailureEndedAfter: Double?
    /// Those that were still waiting at the end, counted as failed or cut as well.
    var unsettled = 0
    /// What went wrong, and how often.
    var failures: [String: Int] = [:]

    /// How often the kept session ended.
    var keptEndings = 0
    /// How often it could not connect, or was cut before its first answer.
    var keptFailedAgain = 0
    /// When, and how, it first ended.
    var keptEndedAfter: Double?
    var keptEndedBy: String?
    /// From an end to the next answer, at worst.
    var keptWorkedAgainIn: Double?
    /// When it was first answered by another member, or after the end.
    var keptAnsweredAfter: Double?
    /// The longest time without an answer on it.
    var keptLongestGap = 0.0

    /// Whether there was a silent session on the member, and when and how it ended.
    var hasSilent = false
    var silentEndedAfter: Double?
    var silentEndedBy: String?

    /// From the first direct answer after the fault to the first through the proxy, where that was measured.
    var servedAfterReturn: Double?
    /// From the last change of an address to an answer by the new member.
    var newMemberInUseAfter: Double?
    /// How often the log says that the member, or another one, was evicted.
    var evictions: Int?
    var evictionsOfOthers: Int?

    /// The latest that the lab itself was: beyond some 100 ms the machine was too busy to measure.
    var latestLateness = 0.0
}
