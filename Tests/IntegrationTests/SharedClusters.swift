import GatewayTesting
import Testing

/// One plain and one TLS cluster for all tests of a suite that leaves its members alive; they end with the suite.
struct SharedClusters: SuiteTrait, TestScoping {
    @TaskLocal private static var running: (plain: EtcdCluster, tls: EtcdCluster)?

    /// The cluster of this kind; only inside a suite that carries the trait.
    static func cluster(_ security: EtcdCluster.Security) throws -> EtcdCluster {
        let running = try #require(running, "the suite lacks the trait .sharedClusters")
        return security == .plain ? running.plain : running.tls
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        async let plain = EtcdCluster()
        async let tls = EtcdCluster(security: .tls)
        try await Self.$running.withValue((plain, tls), operation: function)
    }
}

extension Trait where Self == SharedClusters {
    static var sharedClusters: Self { Self() }
}
