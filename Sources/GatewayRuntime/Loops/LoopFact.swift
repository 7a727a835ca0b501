internal import Gateway

/// What a loop tells the control loop. Bytes and ordinary sessions are no news.
enum LoopFact: Sendable {
    case dialFailed(EndpointID, SocketAddress, DialFailure)
    /// Only of endpoints that were not known to work.
    case dialSucceeded(EndpointID, SocketAddress)
    /// Bytes stay unanswered, a session was reset by it or failed, a dial is slow: reason to look, not a verdict.
    case suspected(EndpointID)
    /// The number of held clients, of all loops, has changed.
    case heldClientsChanged
    /// A listener stopped accepting (error 0: our own limits), or goes on.
    case acceptPaused(error: Int32)
    case acceptResumed
}
