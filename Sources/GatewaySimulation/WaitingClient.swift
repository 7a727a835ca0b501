import Gateway

/// A client that is accepted and not served yet.
package struct WaitingClient {
    /// What it waits for.
    package enum State {
        case dialing
        /// Nobody answers: it waits for another plan.
        case held
        /// We ran short of something: it waits for a moment.
        case paused
    }

    package var sequence: DialSequence
    /// The version of the plan that the sequence follows.
    package var planVersion: Int
    /// When that sequence began.
    package var startedAt: Instant
    package let acceptedAt: Instant
    /// Where it could have been dialed when it came.
    package let offered: [SocketAddress]
    /// Whom the policy chose for it, where that has to be counted.
    var meantFor: EndpointID?
    package var state = State.dialing
    /// The one instant at which it must be looked at; others that were wanted before say nothing.
    package var timer: Instant?
}
