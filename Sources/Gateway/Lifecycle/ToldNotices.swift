/// What the log has been told and must not be told again before it is over.
package struct ToldNotices: Equatable, Sendable {
    /// Names whose failing was told.
    package internal(set) var failing: Set<String> = []
    /// That discovery found plain records only.
    var isPlain = false
    /// That configured endpoints serve because discovery has nothing.
    var usesConfigured = false
    /// That nobody is good.
    var nobodyLeft = false
    /// Addresses that lead back to us.
    var loops: Set<SocketAddress> = []
    /// Who is pinned.
    var pinned: EndpointID?
}
