import Gateway

/// A client that is accepted and not served yet, as a loop of the data plane keeps it.
struct SimulatedClient {
    enum State {
        case dialing
        case held
        case paused
    }

    var sequence: DialSequence
    var planVersion: Int
    var startedAt: Instant
    let acceptedAt: Instant
    /// Where it could have been dialed when it came.
    let offered: [SocketAddress]
    var state = State.dialing
    /// The one timer that counts; others that were set before say nothing.
    var timer: Instant?
}
