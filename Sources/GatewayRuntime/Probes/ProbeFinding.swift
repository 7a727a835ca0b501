internal import Gateway

/// What a probe has found out.
struct ProbeFinding: Equatable, Sendable {
    /// Where it was answered; `nil` where nobody did.
    var address: SocketAddress?
    /// The answer, or how the probe failed.
    var outcome: ProbeOutcome
    /// How long connecting took; `nil` where a kept connection was used, or none was made.
    var dialTime: Duration?

    init(_ outcome: ProbeOutcome, at address: SocketAddress? = nil, dialTime: Duration? = nil) {
        self.address = address
        self.outcome = outcome
        self.dialTime = dialTime
    }
}
