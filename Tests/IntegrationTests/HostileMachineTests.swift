import Foundation
import GatewayTesting
import Testing

extension RealComponents {
    /// Machines that lack what every machine has.
    @Suite(.serialized, .loneMembers, .enabled(if: PrivateMounts.arePossible))
    struct HostileMachineTests {
        private static func answers(_ client: ClientConnection) throws -> Bool {
            try client.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            return String(decoding: try client.receive(), as: UTF8.self).contains("etcdserver")
        }

        @Test func fortyDescriptors_serveSome_andTheOthersLater() async throws {
            let member = try #require(try LoneMembers.all().first)
            let address = try "127.0.0.1:\(FreePort.next())"
            let gateway = try ChildProcess(
                "/usr/bin/prlimit",
                [
                    "--nofile=40:40", ToolBox.gateway(), "--endpoints=\(member.address)", "--listen-addr=\(address)",
                    "--health-check=tcp", "--loops=1",
                ])
            try await gateway.waitForText(GatewayProcess.readyText)
            let first = try ClientConnection(to: address)
            #expect(try Self.answers(first))
            var crowd = try (0..<60).map { _ in try ClientConnection(to: address) }
            #expect(try Self.answers(first), "an open session is not harmed")
            crowd.removeAll()
            #expect(try Self.answers(ClientConnection(to: address)), "there is room again")
            #expect(try Self.answers(first) && gateway.isRunning)
        }

        @Test func withoutProc_saysSoAtTheStart() async throws {
            let gateway = try ChildProcess(
                "/usr/bin/unshare",
                [
                    "--mount", "--propagation=private", "/bin/sh", "-c",
                    "mount -t tmpfs none /proc && exec \"$0\" --endpoints=127.0.0.1:1", ToolBox.gateway(),
                ])
            #expect(try await gateway.waitForExit() == .code(1))
            #expect(gateway.errors.contains("/proc"))
        }

        /// It is there and cannot be read: what it says must not be taken for nothing.
        @Test func defaultSettingsThatCannotBeRead_areAnError() async throws {
            let gateway = try ChildProcess(
                "/usr/bin/unshare",
                [
                    "--mount", "--propagation=private", "/bin/sh", "-c",
                    "mount -t tmpfs none /etc/default && mkdir /etc/default/etcd-gateway && exec \"$0\" --listen-addr=127.0.0.1:0",
                    ToolBox.gateway(),
                ])
            #expect(try await gateway.waitForExit() == .code(2))
            #expect(gateway.errors.contains("cannot read /etc/default/etcd-gateway"), "\(gateway.errors)")
        }

        @Test func procThatGoesLater_changesNothing() async throws {
            let member = try #require(try LoneMembers.all().first)
            let folder = try TemporaryFolder()
            let address = try "127.0.0.1:\(FreePort.next())"
            let gateway = try ChildProcess(
                "/usr/bin/unshare",
                [
                    "--mount", "--propagation=private", "/bin/sh", "-c",
                    "(while [ ! -e '\(folder.path)/go' ]; do sleep 0.05; done; mount -t tmpfs none /proc; echo gone >&2) & exec \"$@\"",
                    "sh", ToolBox.gateway(), "--endpoints=\(member.address)", "--listen-addr=\(address)",
                    "--health-check=tcp", "--drain-timeout=200ms",
                ])
            try await gateway.waitForText(GatewayProcess.readyText)
            let client = try ClientConnection(to: address)
            #expect(try Self.answers(client))
            try folder.write("", to: "go")
            try await gateway.waitForText("gone")
            gateway.send(SIGHUP)
            try await gateway.waitForText("settings reloaded")
            gateway.send(SIGUSR2)
            try await eventually("a hand-over, or a word why there is none; it said: \(gateway.errors)") {
                ["sessions of an earlier process go on", "nothing has changed"].contains { gateway.errors.contains($0) }
            }
            #expect(try Self.answers(client) && Self.answers(ClientConnection(to: address)))
            // Whoever it is now, it hears signals when it has reloaded once more.
            gateway.send(SIGHUP)
            try await eventually("it has reloaded again; it said: \(gateway.errors)") {
                gateway.errors.split(separator: "\n").count { $0.contains("settings reloaded") } >= 2
            }
            gateway.send(SIGTERM)
            let exit = try await gateway.waitForExit()
            #expect(exit == .code(0), "\(exit): \(gateway.errors)")
        }

        /// A member, the gateway and etcdctl on a network of their own that has one family of addresses only.
        @Test(arguments: [
            ("127.0.0.1", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"),
            ("[::1]", "ip address delete 127.0.0.1/8 dev lo"),
        ])
        func oneFamilyOfAddresses_isEnough(host: String, preparation: String) async throws {
            let folder = try TemporaryFolder()
            let script = """
                set -e
                ip link set lo up
                \(preparation)
                "$1" --data-dir '\(folder.path)/data' --listen-client-urls http://\(host):2379 --advertise-client-urls http://\(host):2379 \
                    --listen-peer-urls http://\(host):2380 --initial-advertise-peer-urls http://\(host):2380 \
                    --initial-cluster default=http://\(host):2380 >/dev/null 2>&1 &
                "$2" --endpoints=\(host):2379 --listen-addr=\(host):23790 --health-check=tcp &
                for i in $(seq 100); do
                    "$3" --endpoints=http://\(host):23790 put key value && exit 0
                    sleep 0.1
                done
                exit 1
                """
            let machine = try ChildProcess(
                "/usr/bin/unshare",
                [
                    "--net", "--pid", "--fork", "--kill-child", "/bin/bash", "-c", script, "bash", ToolBox.tool("etcd"),
                    ToolBox.gateway(), ToolBox.tool("etcdctl"),
                ])
            #expect(try await machine.waitForExit() == .code(0), "\(machine.errors.suffix(2000))")
            #expect(machine.output.contains("OK") && machine.errors.contains(GatewayProcess.readyText))
        }
    }
}
