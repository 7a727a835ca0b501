import Foundation
import Gateway
import GatewayTesting
import Testing

extension RealComponents {
    /// What an operator orders by the admin socket: the real program on both sides, and real members.
    @Suite(.serialized, .loneMembers)
    struct OrdersTests {
        private func session(through address: String) throws -> ClientConnection {
            let client = try ClientConnection(to: address)
            try client.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            _ = try client.receive()
            return client
        }

        private func role(_ member: EtcdMember, in observed: ObservedGateway) async throws -> EndpointStatus.Role? {
            try await observed.status().endpoints.first { $0.name == member.address }?.role
        }

        @Test func drainedEndpoint_getsNoNewSession_itsOldOnesEndWithTheGrace_andUndrainPutsItBack() async throws {
            let members = try LoneMembers.all().prefix(2)
            let observed = try await ObservedGateway([
                "--endpoints=\(members[0].address),\(members[1].address)", "--policy=round-robin",
                "--removed-endpoint-grace=1s",
            ])
            let address = observed.gateway.address
            let clients = try (0..<4).map { _ in try session(through: address) }
            let both = Set(members.map(\.address))
            #expect(try observed.gateway.upstreams(among: Array(both)) == both)

            let drain = try await observed.command("drain", members[0].address)
            #expect(drain.exit == .code(0), "\(drain.errors)")
            #expect(drain.output.contains("\(members[0].address) is out of service: it gets no new session"))
            #expect(try await role(members[0], in: observed) == .out)
            let why = try await observed.command("explain")
            #expect(why.output.contains("\(members[0].address)  "), "\(why.output)")
            let requests = RequestLoop(PlainRequest(at: address))
            try await requests.wait(for: 50, startedAfter: .now)
            try await eventually("the sessions that it had are reset when the grace is over") {
                clients.count { $0.hasEnded } == 2
            }
            let open = try await observed.status().endpoints.first { $0.name == members[0].address }
            #expect(open?.sessions == 0)
            let outcomes = try await requests.stop()
            #expect(outcomes.compactMap(\.failure) == [], "of \(outcomes.count)")

            let undrain = try await observed.command("undrain", members[0].address)
            #expect(undrain.exit == .code(0) && undrain.output == "\(members[0].address) is in service again\n")
            #expect(try await role(members[0], in: observed) == .serving)
            let later = try (0..<4).map { _ in try session(through: address) }
            #expect(try observed.gateway.upstreams(among: [members[0].address]).count == 1)
            #expect(later.allSatisfy { !$0.hasEnded })
        }

        /// Swift's own pool, once it is there, wakes up every second for ever.
        @Test func orders_startNoThread() async throws {
            let member = try #require(try LoneMembers.all().first)
            let observed = try await ObservedGateway(["--endpoints=\(member.address)", "--loops=1"])
            _ = try await observed.status()
            #expect(try await observed.command("reload").exit == .code(0))
            #expect(try await observed.command("drain", member.address).exit == .code(0))
            #expect(try await observed.command("undrain", member.address).exit == .code(0))
            let names = try ProcessActivity.threadNames(of: observed.gateway.process.pid)
            let own = names.filter { !$0.hasPrefix("NIO-") }
            #expect(own == ["control", "etcd-gateway", "loop-0", "signals"], "\(names)")
        }

        @Test func ordersThatCannotBeCarriedOut_end1_andSayWhy() async throws {
            let member = try #require(try LoneMembers.all().first)
            let observed = try await ObservedGateway(["--endpoints=\(member.address)"])
            let unknown = try await observed.command("drain", "no.such.member:1")
            #expect(unknown.exit == .code(1) && unknown.errors.contains("known are \(member.address)"))
            let long = String(repeating: "no-such-member-", count: 8) + ".example:1"
            #expect(try await observed.command("drain", long).errors.contains("known are \(member.address)"))
            let served = try await observed.command("undrain", member.address)
            #expect(served.exit == .code(1) && served.errors.contains("is in service already"))
            let last = try await observed.command("drain", member.address)
            #expect(last.exit == .code(0) && last.output.contains("serves on until another endpoint is good"))
            #expect(await PlainRequest(at: observed.gateway.address).run().failure == nil)
        }

        @Test func reload_takesTheChangedFile_orRefusesAWrongOne_andIsCounted() async throws {
            let members = try LoneMembers.all()
            let folder = try TemporaryFolder()
            let settings = { (lines: String) in try folder.write(lines, to: "settings") }
            let file = try settings("ETCD_GATEWAY_ENDPOINTS=\(members[0].address)\n")
            let observed = try await ObservedGateway(["--config-file=\(file)"])
            let client = try session(through: observed.gateway.address)

            _ = try settings(
                "ETCD_GATEWAY_ENDPOINTS=\(members[1].address)\nETCD_GATEWAY_LOG_LEVEL=debug\nETCD_GATEWAY_POLICY=weighted\n"
            )
            let reload = try await observed.command("reload")
            #expect(reload.exit == .code(0), "\(reload.errors)")
            #expect(reload.output.contains("--endpoints") && reload.output.contains("--policy"), "\(reload.output)")
            let status = try await observed.status()
            #expect(status.program.policy == "weighted" && status.program.logLevel == "debug")
            #expect(status.endpoints.contains { $0.name == members[1].address })
            #expect(await PlainRequest(at: observed.gateway.address).run().failure == nil)
            #expect(try observed.gateway.upstreams(among: [members[0].address]).count == 1 && !client.hasEnded)

            _ = try settings("ETCD_GATEWAY_ENDPOINTS=\(members[2].address)\nETCD_GATEWAY_LOG_LEVEL=loud\n")
            let wrong = try await observed.command("reload")
            #expect(wrong.exit == .code(1) && wrong.errors.contains("loud"), "\(wrong.errors)")
            #expect(try await observed.status().program.logLevel == "debug")
            #expect(try await observed.metric("etcd_gateway_reloads_total{result=\"ok\"}") == 1)
            #expect(try await observed.metric("etcd_gateway_reloads_total{result=\"refused\"}") == 1)
        }

        @Test func levelOfTheSettings_takesEffectBySIGHUP_andTheAdministratorsHoldsUntilThen() async throws {
            let member = try #require(try LoneMembers.all().first)
            let folder = try TemporaryFolder()
            let head = "ETCD_GATEWAY_ENDPOINTS=\(member.address)\nETCD_GATEWAY_LOG_LEVEL="
            let file = try folder.write(head + "info\n", to: "settings")
            let observed = try await ObservedGateway(["--config-file=\(file)"])
            #expect(try await observed.command("log-level", "error").exit == .code(0))
            #expect(try await observed.status().program.logLevel == "error")
            try folder.write(head + "warning\n", to: "settings")
            observed.gateway.process.send(SIGHUP)
            try await eventually("the file's level holds") {
                try await observed.status().program.logLevel == "warning"
            }
        }

        @Test func totals_neverFall_whenAnEndpointIsForgotten() async throws {
            let members = try LoneMembers.all()
            let folder = try TemporaryFolder()
            let write = { (member: EtcdMember) in
                try folder.write("ETCD_GATEWAY_ENDPOINTS=\(member.address)\n", to: "settings")
            }
            let file = try write(members[0])
            let observed = try await ObservedGateway(["--config-file=\(file)", "--removed-endpoint-grace=100ms"])
            for _ in 0..<20 { #expect(await PlainRequest(at: observed.gateway.address).run().failure == nil) }
            let before = try await observed.status().traffic
            #expect(before.bytesUp > 1000 && before.bytesDown > 1000)
            _ = try write(members[1])
            #expect(try await observed.command("reload").exit == .code(0))
            #expect(await PlainRequest(at: observed.gateway.address).run().failure == nil)
            try await eventually("the first one is forgotten") {
                try await observed.status().endpoints.map(\.name) == [members[1].address]
            }
            let after = try await observed.status().traffic
            #expect(after.bytesUp > before.bytesUp && after.bytesDown > before.bytesDown)
            #expect(after.opened == 21 && after.dialFailures == before.dialFailures)
        }
    }
}
