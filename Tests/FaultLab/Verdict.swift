/// One promise, and what was measured of it.
struct Check: Sendable, Codable {
    let promise: String
    let measured: Double?
    let limit: Double
    let isKept: Bool
    let words: String

    /// - Parameter measured: nil where it never happened, which breaks a promise that it does.
    init(_ limit: Limit, _ measured: Double?) {
        promise = limit.rawValue
        self.measured = measured
        self.limit = limit.value
        isKept = measured.map(limit.holds) ?? false
        words = limit.words
    }
}

extension Fault {
    /// The promises that hold when this happens to a cluster with this security.
    ///
    /// A member that lost its quorum, and a learner, look well from outside: only where the gateway can read a member's
    /// health are they promised to be found.
    func checks(_ measured: Measurement, policy: String, health isReadable: Bool) -> [Check] {
        switch self {
        case .killed, .refused:
            return [
                Check(.failedNewRequests, Double(measured.failed)),
                Check(.keptSessionEndings, Double(measured.keptEndings)),
                Check(.keptSessionWorksAgain, measured.keptWorkedAgainIn),
            ] + silent(measured) + evictions(measured)
        case .blackholed, .linkDown, .oneWay:
            return [
                Check(.failedNewRequests, Double(measured.failed)),
                Check(.newConnectionAnswered, measured.slowestNew),
            ] + waiting(measured) + silent(measured) + evictions(measured)
        case .frozen, .backlogFull:
            return [Check(.evicted, measured.lastBadBeganAfter ?? 0)] + waiting(measured) + silent(measured)
                + evictions(measured)
        case .noQuorum:
            guard isReadable else { return [] }
            return [Check(.evicted, measured.lastBadBeganAfter ?? 0)] + waiting(measured) + evictions(measured)
        case .allDown:
            return [
                Check(.failedNewRequests, Double(measured.failed)),
                Check(.servedAfterReturn, measured.servedAfterReturn),
            ]
        case .replaced:
            return [
                Check(.failedNewRequests, Double(measured.failed)),
                Check(.newConnectionAnswered, measured.slowestNew),
                Check(.waitingSessionReset, measured.keptLongestGap),
            ] + (policy == "pinned" ? [] : [Check(.newMemberInUse, measured.newMemberInUseAfter)])
        case .lossy:
            return [
                Check(.evictionsUnderLoss, Double(max(measured.evictions ?? 0, measured.keptEndings)))
            ] + evictions(measured)
        case .slow, .spaceAlarm:
            return [
                Check(.failedNewRequests, Double(measured.failed)),
                Check(.evictionsWithoutCause, Double(measured.evictions ?? 0) + Double(measured.keptEndings)),
            ] + evictions(measured)
        case .learner:
            guard isReadable else { return [] }
            return [Check(.evicted, measured.lastBadBeganAfter ?? 0)] + evictions(measured)
        }
    }

    /// Sessions that wait for an answer end in time, and only once, and work again.
    private func waiting(_ measured: Measurement) -> [Check] {
        let last = max(measured.keptEndedAfter ?? .infinity, measured.lastFailureEndedAfter ?? 0)
        return [
            Check(.waitingSessionReset, last.isFinite ? last : nil),
            Check(.keptSessionEndings, Double(measured.keptEndings)),
            Check(.keptSessionWorksAgain, measured.keptWorkedAgainIn),
        ]
    }

    private func silent(_ measured: Measurement) -> [Check] {
        measured.hasSilent ? [Check(.silentSessionReset, measured.silentEndedAfter)] : []
    }

    private func evictions(_ measured: Measurement) -> [Check] {
        measured.evictionsOfOthers.map { [Check(.evictionsOfOthers, Double($0))] } ?? []
    }
}
