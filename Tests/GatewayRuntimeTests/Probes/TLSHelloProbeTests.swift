import Gateway
import GatewayTesting
import Testing

@testable import GatewayRuntime

extension RealProbes {
    @Suite struct TLSHelloProbeTests {
        let loop: LoopUnderTest
        let probe: TLSHelloProbe

        init() throws {
            loop = try LoopUnderTest()
            probe = TLSHelloProbe(executor: loop.executor)
        }

        @Test func memberThatWantsCertificates_answers_untilItIsFrozenOrKilled() async throws {
            let cluster = try await EtcdCluster(size: 1, security: .tls)
            let member = cluster.members[0]
            let address = try member.socketAddress()
            #expect(await probe.probe(address, host: nil).outcome == .tlsAnswered)
            #expect(await probe.probe(address, host: "infra0.example.com").outcome == .tlsAnswered)

            member.freeze()
            // The signal stops one thread after the other.
            try await eventually("the member is silent") {
                await probe.probe(address, host: nil).outcome == .failed(.timedOut, .connected)
            }
            let started = MonotonicClock.now()
            #expect(await probe.probe(address, host: nil).outcome == .failed(.timedOut, .connected))
            #expect(MonotonicClock.now() - started < .milliseconds(900))
            member.thaw()
            #expect(await probe.probe(address, host: nil).outcome == .tlsAnswered)

            try await member.kill()
            #expect(await probe.probe(address, host: nil).outcome == .failed(.refused, .dialing))
        }

        /// etcd logs the end of a handshake that was begun (survey: WARN before 3.5.24): one line for each, no more.
        @Test func fiftyProbes_leaveNoDescriptor_andOneLineEach() async throws {
            let cluster = try await EtcdCluster(size: 1, security: .tls)
            let member = cluster.members[0]
            let address = try member.socketAddress()
            _ = await probe.probe(address, host: nil)
            let before = OpenDescriptors.to(address)
            let lines = member.logLines
            for _ in 0..<50 { #expect(await probe.probe(address, host: nil).outcome == .tlsAnswered) }
            #expect(OpenDescriptors.to(address) == before)
            #expect(member.logLines - lines <= 52)
            #expect(!member.log.contains("reset by peer"))
        }

        @Test func plainMember_closesWithoutAWord_andLogsNothing() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let member = cluster.members[0]
            let lines = member.logLines
            #expect(await probe.probe(try member.socketAddress(), host: nil).outcome == .failed(.refused, .connected))
            #expect(member.logLines == lines)
        }

        @Test(
            arguments: [
                ([0x16, 3, 3, 0, 1], .tlsAnswered), ([0x15, 3, 1, 0, 2, 2, 40], .tlsAnswered),
                (Array("HTTP/1.0 400 Bad Request\r\n\r\n".utf8), .unusable(.notTLS)),
                ([UInt8](repeating: 0x16, count: 15_000), .tlsAnswered),
            ] as [([UInt8], ProbeOutcome)])
        func firstByte_decides_andTheEndIsFIN(answer: [UInt8], outcome: ProbeOutcome) async throws {
            let listener = try ScriptedListener(.says(answer))
            #expect(await probe.probe(listener.address, host: nil).outcome == outcome)
            try await eventually("the client has left") { listener.endings == [.fin] }
        }

        @Test func silence_andEarlyEnd_areToldApart() async throws {
            for script in [ScriptedListener.Script.neverAccepts, .silent] {
                let listener = try ScriptedListener(script)
                #expect(await probe.probe(listener.address, host: nil).outcome == .failed(.timedOut, .connected))
            }
            let listener = try ScriptedListener(.closes)
            #expect(await probe.probe(listener.address, host: nil).outcome == .failed(.refused, .connected))
        }
    }
}
