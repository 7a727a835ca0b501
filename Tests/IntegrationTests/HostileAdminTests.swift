import Foundation
import Gateway
import GatewayTesting
import Testing

extension RealComponents {
    /// Clients of the admin server who mean no good: they are in nobody's way, and get no more than they may have.
    @Suite(.serialized, .loneMembers)
    struct HostileAdminTests {
        /// A user and a group that no process of ours has: `nobody` and `nogroup` on Debian.
        private static let nobody: UInt32 = 65_534

        /// Runs a command as nobody, in this group.
        private func command(
            _ arguments: [String], group: UInt32, _ observed: ObservedGateway
        ) async throws -> (output: String, errors: String, exit: GatewayTesting.ExitStatus) {
            let setpriv = ["--reuid=\(Self.nobody)", "--regid=\(group)", "--clear-groups", try ToolBox.gateway()]
            let process = try ChildProcess("/usr/bin/setpriv", setpriv + arguments + [observed.socketFlag])
            let exit = try await process.waitForExit()
            return (process.output, process.errors, exit)
        }

        @Test(.enabled(if: getuid() == 0, "only root can become somebody else"))
        func anotherUser_mayLookIfTheGroupLetsHim_andOrdersNothing() async throws {
            let member = try #require(try LoneMembers.all().first)
            let observed = try await ObservedGateway(["--endpoints=\(member.address),127.0.0.1:1"])
            let path = String(observed.socketFlag.dropFirst("--admin-socket=".count))
            #expect(chmod((path as NSString).deletingLastPathComponent, 0o755) == 0)
            #expect(chown(path, getuid(), Self.nobody) == 0)

            let look = try await command(["status"], group: Self.nobody, observed)
            #expect(look.exit == .code(0) && look.output.contains(member.address), "\(look.errors)")
            #expect(try await command(["sessions"], group: Self.nobody, observed).exit == .code(0))
            for order in [
                ["drain", member.address], ["undrain", member.address], ["log-level", "debug"], ["reload"],
            ] {
                let refused = try await command(order, group: Self.nobody, observed)
                #expect(refused.exit == .code(1) && refused.errors.contains("orders are taken from root"), "\(order)")
            }
            let status = try await observed.status()
            #expect(status.program.logLevel == "info" && status.endpoints.allSatisfy { $0.state != .draining })
            #expect(try await observed.metric("etcd_gateway_reloads_total{result=\"ok\"}") == 0)

            let stranger = try await command(["status"], group: Self.nobody - 1, observed)
            #expect(
                stranger.exit == .code(1) && stranger.errors.contains("you may not connect to"), "\(stranger.errors)")
        }

        @Test func stormOfEveryKind_delaysNoSession_andTheOperatorIsAnswered() async throws {
            let member = try #require(try LoneMembers.all().first)
            let observed = try await ObservedGateway(["--endpoints=\(member.address)"])
            let before = try await observed.metric("process_resident_memory_bytes") ?? 0
            let storm = AdminStorm(at: observed.web)
            let requests = RequestLoop(PlainRequest(at: observed.gateway.address), clients: 2)
            try await eventually("the storm has raged: \(storm.attempts)", within: .seconds(60)) {
                storm.attempts > 1000
            }
            for _ in 0..<5 {
                let status = try await observed.command("status")
                #expect(status.exit == .code(0), "at the socket, where the storm is not: \(status.errors)")
            }
            let answered = try await WebRequest.run(observed.web, "/healthz")
            #expect(answered.status == 200, "where the storm is, too")
            storm.stop()
            let outcomes = try await requests.stop()
            #expect(outcomes.count > 50 && outcomes.compactMap(\.failure) == [], "of \(outcomes.count)")
            let slowest = outcomes.map(\.duration).max() ?? .zero
            #expect(slowest < .seconds(2), "of \(outcomes.count)")
            let after = try await observed.metric("process_resident_memory_bytes") ?? 0
            #expect(after - before < 48_000_000, "from \(before) to \(after)")
            #expect(try await observed.status().traffic.acceptErrors == 0)
        }
    }
}
