import Gateway
import GatewayTesting
import Testing

@testable import GatewayRuntime

extension RealProbes {
    @Suite struct ProberTests {
        let loop: LoopUnderTest
        let prober: Prober

        init() throws {
            loop = try LoopUnderTest()
            prober = Prober(executor: loop.executor, files: TLSFiles())
        }

        /// An address of this machine where nobody listens.
        private func closed() throws -> SocketAddress {
            let text = "127.0.0.1:\(try FreePort.next())"
            return try #require(SocketAddress(text))
        }

        @Test(arguments: ProbeKind.allCases)
        func firstAddressThatAnswers_isTheOne(kind: ProbeKind) async throws {
            let listener = try ScriptedListener(.says([0x15, 3, 3, 0, 2, 2, 40]))
            let found = await prober.probe([try closed(), listener.address, try closed()], host: nil, kind: kind)
            #expect(found.address == listener.address)
            await prober.stop()
        }

        @Test(arguments: [ProbeKind.tcp, .tls])
        func dialIsMeasured(kind: ProbeKind) async throws {
            let listener = try ScriptedListener(.says([0x15, 3, 3, 0, 2, 2, 40]))
            let time = await prober.probe([try closed(), listener.address], host: nil, kind: kind).dialTime
            #expect(try #require(time) > .zero && time ?? .zero < .milliseconds(500))
            #expect(await prober.probe([try closed()], host: nil, kind: kind).dialTime == nil)
        }

        @Test func keptConnection_isNoMeasurement_andAFreshOneIsMadeWhereOneIsWanted() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let address = try cluster.members[0].socketAddress()
            var measured: [Bool] = []
            for isFresh in [false, false, true, false] {
                let finding = await prober.probe([address], host: nil, kind: .http, isFresh: isFresh)
                #expect(finding.outcome == .http(.healthy))
                measured.append(finding.dialTime != nil)
            }
            #expect(measured == [true, false, true, false])
            #expect(OpenDescriptors.to(address) == 1)
            await prober.stop()
        }

        @Test func furthestFailure_isTheOne() async throws {
            let silent = try ScriptedListener(.silent)
            let found = await prober.probe([try closed(), silent.address, try closed()], host: nil, kind: .tls)
            #expect(found.address == nil && found.outcome == .failed(.timedOut, .connected))
            #expect(await prober.probe([], host: nil, kind: .tcp).outcome == .failed(.local, .dialing))
        }

        @Test(arguments: ProbeKind.allCases)
        func cancelledProbes_end_andLeaveNothing(kind: ProbeKind) async throws {
            let listener = try ScriptedListener(.silent)
            let addresses = Array(repeating: listener.address, count: 20)
            let started = MonotonicClock.now()
            let probes = (0..<20).map { _ in Task { await prober.probe(addresses, host: nil, kind: kind) } }
            for probe in probes { probe.cancel() }
            for probe in probes {
                // A connect to this machine may be faster than we are.
                #expect([.connected, .failed(.local, .dialing)].contains(await probe.value.outcome))
            }
            #expect(MonotonicClock.now() - started < .seconds(3))
            await prober.stop()
            try await eventually("all is closed") { OpenDescriptors.to(listener.address) == 0 }
        }

        @Test func probesAtTheSameTime_doNotMeet() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let address = try cluster.members[0].socketAddress()
            await withTaskGroup(of: ProbeOutcome.self) { group in
                for _ in 0..<30 {
                    group.addTask { await prober.probe([address], host: nil, kind: .http).outcome }
                }
                for await outcome in group { #expect(outcome == .http(.healthy)) }
            }
            try await eventually("one connection is kept") { OpenDescriptors.to(address) == 1 }
            await prober.stop()
        }
    }
}
