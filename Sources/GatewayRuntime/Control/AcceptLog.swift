internal import Gateway
internal import Logging

/// One line a minute, however often accepting pauses.
struct AcceptLog {
    private static let pace = Duration.seconds(60)

    private var lastLine: Instant?
    private var suppressed = 0

    mutating func paused(error: Int32, at now: Instant, _ logger: Logger) {
        if let lastLine, now - lastLine < Self.pace {
            suppressed += 1
            return
        }
        lastLine = now
        let reason = error == 0 ? "the limit of sessions or descriptors is reached" : SystemError.name(of: error)
        logger.warning(
            "no new session for now; clients wait, open sessions are unharmed",
            metadata: ["error": "\(reason)", "suppressed": .stringConvertible(suppressed)])
        suppressed = 0
    }
}
