import Foundation
import GatewayTesting
import Testing

extension RealComponents {
    /// What people do with etcd, through the gateway: the bytes pass as they are, encrypted or not. Certificates are the
    /// affair of client and members; the gateway has none.
    @Suite(.serialized, .sharedClusters)
    struct TrafficTests {
        @Test(arguments: [EtcdCluster.Security.plain, .tls])
        func putThenGet_givesTheValue(security: EtcdCluster.Security) async throws {
            let (_, _, etcdctl) = try await surroundings(security)
            try await etcdctl("put", "greeting", "hello")
            #expect(try await etcdctl("get", "greeting") == "greeting\nhello\n")
        }

        @Test(arguments: [EtcdCluster.Security.plain, .tls])
        func watch_seesEveryPutInOrder(security: EtcdCluster.Security) async throws {
            let (_, _, etcdctl) = try await surroundings(security)
            // From the first revision on, so that nothing is missed before the watch is in place.
            let watch = try etcdctl.start(["watch", "news", "--rev=1"])
            let values = (1...20).map { "headline \($0)" }
            for value in values {
                try await etcdctl("put", "news", value)
            }
            try await watch.waitForText("headline 20\n")
            #expect(watch.output == values.map { "PUT\nnews\n\($0)\n" }.joined())
        }

        @Test(arguments: [EtcdCluster.Security.plain, .tls])
        func leaseKeepAlive_keepsTheKeyBeyondItsTimeToLive(security: EtcdCluster.Security) async throws {
            let (_, _, etcdctl) = try await surroundings(security)
            let granted = try await etcdctl("lease", "grant", "3")
            let lease = try #require(granted.split(separator: " ").dropFirst().first.map(String.init), "in: \(granted)")
            try await etcdctl("put", "leased", "value", "--lease=\(lease)")
            let keepAlive = try etcdctl.start(["lease", "keep-alive", lease])
            // One a second: after six, twice the time to live has passed.
            try await eventually("six keep-alives; it said: \(keepAlive.output)\(keepAlive.errors)") {
                keepAlive.output.split(separator: "\n").count { $0.contains("keepalived") } >= 6
            }
            #expect(try await etcdctl("get", "leased", "--print-value-only") == "value\n")
            try await keepAlive.kill()
            try await eventually("the key goes when nobody keeps its lease alive") {
                try await etcdctl("get", "leased").isEmpty
            }
        }

        @Test(arguments: [EtcdCluster.Security.plain, .tls])
        func lock_isHeldByOneAtATime(security: EtcdCluster.Security) async throws {
            let (_, _, etcdctl) = try await surroundings(security)
            let first = try etcdctl.start(["lock", "door"])
            try await first.waitForText("door/")
            let second = try etcdctl.start(["lock", "door"])
            try await eventually("the second stands in the queue") {
                try await etcdctl("get", "door/", "--prefix", "--keys-only").contains("door/", times: 2)
            }
            #expect(second.output.isEmpty)
            first.send(SIGINT)
            try await second.waitForText("door/")
        }

        @Test(arguments: [EtcdCluster.Security.plain, .tls])
        func snapshot_isTheMembersOwn(security: EtcdCluster.Security) async throws {
            let (cluster, gateway, etcdctl) = try await surroundings(security)
            let folder = try TemporaryFolder()
            let value = try folder.writeRandomText(bytes: 1_000_000, seed: 1, to: "value")
            for number in 1...8 {
                try await etcdctl("put", "bulk\(number)", input: value)
            }
            let (direct, through) = (folder.path(of: "direct.db"), folder.path(of: "through.db"))
            // A kept session shows which member the gateway uses.
            let watch = try etcdctl.start(["watch", "nothing"])
            let upstream = try await gateway.onlyUpstream(of: cluster)
            try await etcdctl("snapshot", "save", through)
            try await cluster.etcdctl(upstream)("snapshot", "save", direct)
            #expect(watch.isRunning)

            let status = try await etcdctl("snapshot", "status", through, "--write-out=json")
            #expect(try await etcdctl("snapshot", "status", direct, "--write-out=json") == status)
            // Restoring compares the content with the SHA-256 that the member has sent behind it.
            try await etcdctl("snapshot", "restore", through, "--data-dir=\(folder.path(of: "restored"))")
        }

        @Test(arguments: [EtcdCluster.Security.plain, .tls])
        func valueOfOneMebibyte_comesBackEqual(security: EtcdCluster.Security) async throws {
            let (_, _, etcdctl) = try await surroundings(security)
            let folder = try TemporaryFolder()
            let file = try folder.writeRandomText(bytes: 1 << 20, seed: 2, to: "value")
            try await etcdctl("put", "mebibyte", input: file)
            let got = try await etcdctl("get", "mebibyte", "--print-value-only")
            #expect(got == (try String(contentsOfFile: file, encoding: .utf8)) + "\n")
        }

        @Test func tlsMembers_refuseAClientWithoutCertificate_alsoThroughTheGateway() async throws {
            let (_, gateway, _) = try await surroundings(.tls)
            let anonymous = try Etcdctl(address: gateway.address)
            #expect(try await !anonymous.run(["get", "greeting", "--command-timeout=2s"]).isSuccess)
        }

        private func surroundings(
            _ security: EtcdCluster.Security
        ) async throws -> (cluster: EtcdCluster, gateway: GatewayProcess, etcdctl: Etcdctl) {
            let cluster = try SharedClusters.cluster(security)
            let gateway = try await GatewayProcess.ready(["start", "--endpoints=\(cluster.endpoints)"])
            return (cluster, gateway, try cluster.etcdctl(gateway.address))
        }
    }
}

extension String {
    /// Whether `text` stands in it at least this often.
    fileprivate func contains(_ text: String, times: Int) -> Bool {
        components(separatedBy: text).count > times
    }
}

extension TemporaryFolder {
    /// Writes printable text that does not compress, the same for the same seed, and returns the file's path.
    fileprivate func writeRandomText(bytes: Int, seed: UInt64, to name: String) throws -> String {
        var generator = SeededGenerator(seed: seed)
        let printable = UInt8(ascii: "!")...UInt8(ascii: "~")
        let text = (0..<bytes).map { _ in UInt8.random(in: printable, using: &generator) }
        return try write(String(decoding: text, as: UTF8.self), to: name)
    }
}
