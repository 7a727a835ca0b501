import GatewayTesting
import Testing

extension GatewayProcess {
    /// The one member to which the gateway leads; there must be no sessions to others.
    func memberInUse(of cluster: EtcdCluster) async throws -> EtcdMember {
        let connection = try ClientConnection(to: address)
        var upstreams: Set<String> = []
        try await eventually("the gateway is connected to a member; it logged: \(process.errors)") {
            upstreams = try self.upstreams(among: cluster.members.map(\.address))
            return !upstreams.isEmpty
        }
        try #require(upstreams.count == 1, "connected to \(upstreams)")
        return try withExtendedLifetime(connection) {
            try #require(upstreams.first.flatMap(cluster.member(at:)))
        }
    }
}
