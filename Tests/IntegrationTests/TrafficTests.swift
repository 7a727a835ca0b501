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
            let path = try await Path(security)
            let etcdctl = path.etcdctl
            try await etcdctl("put", "greeting", "hello")
            #expect(try await etcdctl("get", "greeting") == "greeting\nhello\n")
        }

        @Test(arguments: [EtcdCluster.Security.plain, .tls])
        func watch_seesEveryPutInOrder(security: EtcdCluster.Security) async throws {
            let path = try await Path(security)
            let etcdctl = path.etcdctl
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
            let path = try await Path(security)
            let etcdctl = path.etcdctl
            let granted = try await etcdctl("lease", "grant", "2")
            let lease = try #require(granted.split(separator: " ").dropFirst().first.map(String.init), "in: \(granted)")
            try await etcdctl("put", "leased", "value", "--lease=\(lease)")
            let keepAlive = try etcdctl.start(["lease", "keep-alive", lease])
            // One in a third of the time to live: after six, twice that time has passed.
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
            let path = try await Path(security)
            let etcdctl = path.etcdctl
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
            let path = try await Path(security)
            let etcdctl = path.etcdctl
            let folder = try TemporaryFolder()
            let value = try folder.writeRandomText(bytes: 1_000_000, seed: 1, to: "value")
            for number in 1...8 {
                try await etcdctl("put", "bulk\(number)", input: value)
            }
            let (direct, through) = (folder.path(of: "direct.db"), folder.path(of: "through.db"))
            let member = try await path.gateway.memberInUse(of: path.cluster)
            try await etcdctl("snapshot", "save", through)
            try await path.cluster.etcdctl(member.address)("snapshot", "save", direct)

            let status = try await etcdctl("snapshot", "status", through, "--write-out=json")
            #expect(try await etcdctl("snapshot", "status", direct, "--write-out=json") == status)
            // Restoring compares the content with the SHA-256 that the member has sent behind it.
            try await etcdctl("snapshot", "restore", through, "--data-dir=\(folder.path(of: "restored"))")
        }

        @Test(arguments: [EtcdCluster.Security.plain, .tls])
        func valueOfOneMebibyte_comesBackEqual(security: EtcdCluster.Security) async throws {
            let path = try await Path(security)
            let etcdctl = path.etcdctl
            let folder = try TemporaryFolder()
            let file = try folder.writeRandomText(bytes: 1 << 20, seed: 2, to: "value")
            try await etcdctl("put", "mebibyte", input: file)
            let got = try await etcdctl("get", "mebibyte", "--print-value-only")
            #expect(got == (try String(contentsOfFile: file, encoding: .utf8)) + "\n")
        }

        @Test func tlsMembers_refuseAClientWithoutCertificate_alsoThroughTheGateway() async throws {
            let path = try await Path(.tls)
            let anonymous = try Etcdctl(address: path.gateway.address)
            #expect(try await !anonymous.run(["get", "greeting", "--command-timeout=2s"]).isSuccess)
        }

        /// From a client through a gateway to a cluster; the gateway ends with it.
        private struct Path {
            let cluster: EtcdCluster
            let gateway: GatewayProcess
            let etcdctl: Etcdctl

            init(_ security: EtcdCluster.Security) async throws {
                cluster = try SharedClusters.cluster(security)
                gateway = try await GatewayProcess.ready(["start", "--endpoints=\(cluster.endpoints)"])
                etcdctl = try cluster.etcdctl(gateway.address)
            }
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
