import GatewayTesting
import Testing

extension GatewayProcess {
    /// The one member to which it holds connections; waits for the first.
    func onlyUpstream(of cluster: EtcdCluster) async throws -> String {
        let candidates = cluster.members.map(\.address)
        var upstreams: Set<String> = []
        try await eventually("the gateway is connected to a member; it logged: \(process.errors)") {
            upstreams = try self.upstreams(among: candidates)
            return !upstreams.isEmpty
        }
        try #require(upstreams.count == 1, "connected to \(upstreams)")
        return try #require(upstreams.first)
    }
}
