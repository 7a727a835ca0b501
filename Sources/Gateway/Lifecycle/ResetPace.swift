/// How the sessions of an endpoint are reset: a few at a time, so that their clients do not all return at once.
public struct ResetPace: Equatable, Sendable {
    /// It goes on at most this often; of few sessions each has a step of its own, and a longer one.
    public static let shortestStep = Duration.milliseconds(20)
    /// The sessions of an endpoint that was removed, or taken out of service, are reset over this time.
    public static let unhurried = Duration.seconds(5)

    /// How many are reset at each step, at least one.
    public let perStep: UInt32
    /// The time from one step to the next.
    public let step: Duration

    /// So many sessions, over this time.
    public init(of sessions: UInt64, over spread: Duration) {
        let mostSteps = max(1, UInt64(spread.wholeNanoseconds / Self.shortestStep.wholeNanoseconds))
        perStep = UInt32(clamping: max(1, (sessions + mostSteps - 1) / mostSteps))
        let steps = max(1, (sessions + UInt64(perStep) - 1) / UInt64(perStep))
        step = max(Self.shortestStep, spread / Int(clamping: steps))
    }

    /// Clients of a dead endpoint hang, so they are told soon: within half a second for up to a thousand of them, and a few
    /// of them sooner.
    public static func ofDead(_ sessions: Int) -> Duration {
        let longest = max(.milliseconds(500), .milliseconds(500) * sessions / 1000)
        return min(longest, shortestStep * sessions)
    }
}
