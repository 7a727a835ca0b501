import GatewayTesting
import Testing

/// Five clusters of one member each, for all tests of a suite that leaves them alive: whichever of them a client is led
/// to, it is answered. They end with the suite.
struct LoneMembers: SuiteTrait, TestScoping {
    @TaskLocal private static var running: [EtcdCluster] = []

    /// The five members; only inside a suite that carries the trait.
    static func all() throws -> [EtcdMember] {
        try #require(!running.isEmpty, "the suite lacks the trait .loneMembers")
        return running.flatMap(\.members)
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let clusters = try await withThrowingTaskGroup(of: EtcdCluster.self) { group in
            for _ in 0..<5 { group.addTask { try await EtcdCluster(size: 1) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try await Self.$running.withValue(clusters, operation: function)
    }
}

extension Trait where Self == LoneMembers {
    static var loneMembers: Self { Self() }
}
