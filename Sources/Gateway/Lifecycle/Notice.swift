/// Something an operator may want to know: one line of the log each, told once when it begins and once when it ends.
public enum Notice: Equatable, Sendable {
    /// An endpoint was declared for the first time, or again after it was missing.
    case endpointAdded(EndpointKey)
    /// An endpoint is no longer declared; a later answer must confirm it.
    case endpointMissing(EndpointKey)
    /// The removal was confirmed: its sessions end within the grace.
    case endpointDraining(EndpointKey, grace: Duration)
    /// It is forgotten.
    case endpointRemoved(EndpointKey)
    /// An administrator has taken it out of service: its sessions end within the grace.
    case endpointTakenOut(EndpointKey, grace: Duration)
    /// It is in service again.
    case endpointPutBack(EndpointKey)
    /// It serves although it was taken out of service, for nobody else is good.
    case lastOneServes(EndpointKey)
    /// It gets no new session until a probe or a dial works.
    case endpointDown(EndpointKey, EndpointTrouble)
    /// It works again.
    case endpointUp(EndpointKey)
    /// Sessions of this endpoint belong elsewhere, and are reset at this pace (`--rebalance`).
    case rebalancing(EndpointKey, perMinute: Int)
    /// So many were, and now all are where they belong.
    case rebalanced(moved: Int)
    /// New sessions go there from now on (`pinned`, `fastest`).
    case pinned(EndpointKey)
    /// Nobody is believed good: everybody is tried, clients are held.
    case nobodyLeft
    /// Somebody is good again.
    case somebodyBack
    /// A question of discovery gets no records; what was known stays.
    case discoveryFailing(name: String, reason: String)
    /// It has records again.
    case discoveryRecovered(name: String)
    /// Only plain SRV records were found: nothing authenticates them.
    case discoveryIsPlain(name: String)
    /// Until DNS answers, the endpoints of an earlier run serve.
    case usingRememberedEndpoints
    /// Discovery has given nothing, so the configured endpoints serve.
    case usingConfiguredEndpoints
    /// A discovered address has proven itself, and may be dialed.
    case endpointVerified(EndpointKey, SocketAddress)
    /// It has shown a wrong certificate, and is not dialed.
    case endpointRefused(EndpointKey, SocketAddress, reason: String)
    /// It could not be asked yet, and is tried again.
    case endpointUnverified(EndpointKey, SocketAddress, DialFailure)
    /// An endpoint's address is one of ours: never dialed.
    case loopAvoided(EndpointKey, SocketAddress)
}
