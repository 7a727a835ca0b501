internal import Gateway

/// What a loop tells the control loop. Bytes and ordinary sessions are no news, nor is what was told before.
enum LoopFact: Equatable, Sendable {
    /// A dial of an address that was thought to work, or was not known. Our own shortages are none of this.
    case dialFailed(EndpointID, SocketAddress, DialFailure)
    /// A dial of an address that was not known to work.
    case dialSucceeded(EndpointID, SocketAddress)
    /// Bytes stay unanswered, a session was reset by it or failed, a dial is slow: reason to look, not a verdict.
    case suspected(EndpointID)
    /// The number of held clients, of all loops, has changed.
    case heldClientsChanged
    /// A listener stopped accepting (error 0: our own limits). That it goes on is no news: under load the two alternate.
    case acceptPaused(error: Int32)

    /// Sessions wait for room in the store.
    case storeFull
    /// A client's connection goes in circles: gateways point at each other.
    case loopFound

    /// What it is about. Of several facts about the same only the last one counts.
    enum Subject: Hashable, Sendable {
        case address(EndpointID, SocketAddress)
        case endpoint(EndpointID)
        case heldClients
        case accepting
        case loop
        case store
    }

    var subject: Subject {
        switch self {
        case .dialFailed(let id, let address, _), .dialSucceeded(let id, let address): .address(id, address)
        case .suspected(let id): .endpoint(id)
        case .heldClientsChanged: .heldClients
        case .acceptPaused: .accepting
        case .loopFound: .loop
        case .storeFull: .store
        }
    }
}
