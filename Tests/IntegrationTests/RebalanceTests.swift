import GatewayTesting
import Testing

extension RealComponents {
    /// `--rebalance` on real members: a member that comes back gets sessions again, and nobody else loses more than his excess.
    @Suite(.serialized)
    struct RebalanceTests {
        private static let sessions = 40

        /// Idle connections through the gateway, which connect again when they are reset.
        private final class Connections {
            private let address: String
            private var open: [ClientConnection] = []
            private(set) var resets = 0

            init(to address: String, count: Int) throws {
                self.address = address
                for _ in 0..<count { open.append(try ClientConnection(to: address)) }
            }

            func renewEnded() throws {
                for index in open.indices where open[index].hasEnded {
                    resets += 1
                    open[index] = try ClientConnection(to: address)
                }
            }
        }

        /// How many of the gateway's connections end at each member.
        private func spread(_ gateway: GatewayProcess, _ members: [EtcdMember]) throws -> [Int] {
            let ends = try ProcessSockets.establishedPeers(of: gateway.process.pid)
            return members.map { member in ends.count { $0 == member.address } }
        }

        @Test func memberThatComesBack_getsItsShare_andThenNobodyIsMoved() async throws {
            let clusters = try await [EtcdCluster(size: 1), EtcdCluster(size: 1)]
            let members = clusters.flatMap(\.members)
            let gateway = try await GatewayProcess.ready([
                "start", "--endpoints=\(members.map(\.address).joined(separator: ","))", "--policy=round-robin",
                "--rebalance=600", "--health-interval=1s",
            ])
            let connections = try Connections(to: gateway.address, count: Self.sessions)
            try await eventually("all are joined") { try spread(gateway, members).reduce(0, +) >= Self.sessions }

            try await members[1].kill()
            try await eventually("all are at the member that is left") {
                try connections.renewEnded()
                return try spread(gateway, members)[0] >= Self.sessions
            }
            let resetByDeath = connections.resets
            #expect(resetByDeath >= Self.sessions / 2 - 1)
            try members[1].start()
            let returned = ContinuousClock.now

            try await eventually("both have a fair part again", within: .seconds(40)) {
                try connections.renewEnded()
                return try spread(gateway, members)[1] >= Self.sessions * 2 / 5
            }
            #expect(ContinuousClock.now - returned >= .seconds(9), "it must prove itself first")
            try await eventually("it says that it is done", within: .seconds(20)) {
                try connections.renewEnded()
                return gateway.log.contains { $0.contains("sessions are where they belong") }
            }
            let moved = connections.resets - resetByDeath
            #expect((1...Self.sessions).contains(moved), "half of them go back to where they were: \(moved)")
            for _ in 0..<30 {
                try connections.renewEnded()
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(connections.resets == moved + resetByDeath, "and nobody is moved any more")
        }
    }
}
