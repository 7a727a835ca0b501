internal import Gateway
internal import Logging

/// Tells that accepting pauses: one line a minute, however often it does.
struct AcceptLog {
    private var pace = Pace()

    mutating func paused(error: Int32, at now: Instant, _ logger: Logger) {
        let reason = error == 0 ? "the limit of sessions or descriptors is reached" : SystemError.name(of: error)
        pace.write(at: now) { suppressed in
            logger.warning(
                "no new session for now; clients wait, open sessions are unharmed",
                metadata: ["error": "\(reason)", "suppressed": .stringConvertible(suppressed)])
        }
    }
}
