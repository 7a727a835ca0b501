import Foundation
import GatewayTesting
import Testing

extension RealComponents {
    /// The surroundings of the other tests, without a gateway: when these fail, look here first.
    @Suite(.serialized)
    struct SurroundingsTests {
        @Test func childProcess_givesOutputAndExitStatus() async throws {
            let child = try ChildProcess("/bin/sh", ["-c", "echo out; echo err >&2; exit 3"])
            #expect(try await child.waitForExit() == .code(3))
            #expect(child.output == "out\n")
            #expect(child.errors == "err\n")
        }

        @Test func childProcess_whenLetGo_isKilledWithItsChildren() async throws {
            var child: ChildProcess? = try ChildProcess("/bin/sh", ["-c", "sleep 1000 & echo $!; wait"])
            try await child?.waitForText("\n")
            let grandchild = try #require(pid_t(child?.output.dropLast() ?? ""))
            child = nil
            try await eventually("the grandchild is gone") {
                let commandLine = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(grandchild)/cmdline"))
                return commandLine?.isEmpty ?? true
            }
        }

        @Test func childProcess_whenItEndsBeforeTheTextComes_failsAtOnce() async throws {
            let child = try ChildProcess("/bin/sh", ["-c", "echo something else"])
            await #expect(throws: TestingError.self) { try await child.waitForText("never said") }
        }

        @Test func cluster_survivesKillAndRestartOfOneMember() async throws {
            let cluster = try await EtcdCluster()
            let first = cluster.members[0]
            let second = try cluster.etcdctl(cluster.members[1].address)
            try await second("put", "key", "value")
            try await first.kill()
            #expect(!first.isRunning)
            try await eventually("a majority answers") { try await second.run(["get", "key"]).isSuccess }
            try first.start()
            try await cluster.waitUntilHealthy(first)
            #expect(try await cluster.etcdctl(first.address)("get", "key") == "key\nvalue\n")
        }

        @Test func nameServer_servesWhatItWasGivenLast_alsoAfterKill() async throws {
            let server = try await NameServer(zone: "example.com", records: [.a("infra0", "127.9.9.1")])
            try await server.update([.a("infra0", "127.9.9.2")])
            try await server.kill()
            try await server.start()
        }
    }
}
