import Gateway
import GatewayTesting
import Testing

@testable import GatewayRuntime

extension RealProbes {
    @Suite struct HTTPProbeTests {
        let loop: LoopUnderTest
        let prober: Prober

        init() throws {
            loop = try LoopUnderTest()
            prober = Prober(executor: loop.executor, files: TLSFiles())
        }

        private func outcome(_ member: EtcdMember, _ kind: ProbeKind = .http) async throws -> ProbeOutcome {
            await prober.probe([try member.socketAddress()], host: nil, kind: kind).outcome
        }

        @Test func member_isHealthy_frozen_andKilled() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let member = cluster.members[0]
            #expect(try await outcome(member) == .http(.healthy))

            member.freeze()
            try await eventually("the member is silent") {
                try await outcome(member) == .failed(.timedOut, .connected)
            }
            #expect(try await outcome(member) == .failed(.timedOut, .connected))
            member.thaw()
            try await eventually("the member is back") { try await outcome(member) == .http(.healthy) }

            try await member.kill()
            #expect(try await outcome(member) == .failed(.refused, .dialing))
            try member.start()  // the kept connection is gone, and nobody notices
            try await cluster.waitUntilHealthy(member)
            #expect(try await outcome(member) == .http(.healthy))
            await prober.stop()
        }

        @Test func manyProbes_useOneConnection_andLogNothing() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let member = cluster.members[0]
            let address = try member.socketAddress()
            _ = try await outcome(member)
            let lines = member.logLines
            let ports = OpenDescriptors.to(address)
            #expect(ports == 1)
            for _ in 0..<200 { #expect(try await outcome(member) == .http(.healthy)) }
            #expect(OpenDescriptors.to(address) == 1)
            #expect(member.logLines == lines)

            await prober.keep(only: [address])
            #expect(OpenDescriptors.to(address) == 1)
            await prober.keep(only: [])
            try await eventually("the connection is closed") { OpenDescriptors.to(address) == 0 }
            await prober.stop()
        }

        @Test func memberWithoutQuorum_isUnhealthy_orSilent() async throws {
            let cluster = try await EtcdCluster(size: 3)
            let survivor = cluster.members[0]
            #expect(try await outcome(survivor) == .http(.healthy))
            try await cluster.members[1].kill()
            try await cluster.members[2].kill()
            // First the read through the cluster hangs; after an election timeout the member knows that nobody leads.
            try await eventually("the member knows no leader", within: .seconds(20)) {
                let found = try await outcome(survivor)
                #expect(found != .failed(.refused, .dialing))
                return if case .http(.unhealthy) = found { true } else { false }
            }
            try cluster.members[1].start()
            try await eventually("the member serves again") { try await outcome(survivor) == .http(.healthy) }
            await prober.stop()
        }

        /// The health of a 3.4 learner is true; its metrics tell.
        @Test func learner_isUnhealthy_untilItVotes() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let learner = try await cluster.addLearner()
            try await eventually("the learner is known for one") {
                try await outcome(learner) == .http(.unhealthy(.learner))
            }
            #expect(try await outcome(cluster.members[0]) == .http(.healthy))
            let client = try cluster.etcdctl(cluster.members[0].address)
            let list = try await client("member", "list")
            let id = try #require(
                list.split(separator: "\n").first { $0.contains(", \(learner.name), ") }?.split(separator: ",").first)
            try await eventually("the learner is promoted") {
                try await client.run(["member", "promote", String(id)]).isSuccess
            }
            try await eventually("the member votes") { try await outcome(learner) == .http(.healthy) }
            try await learner.kill()
            await prober.stop()
        }

        @Test func fullDatabase_isNoReason() async throws {
            let cluster = try await EtcdCluster(size: 1, flags: ["--quota-backend-bytes=1048576"])
            let client = try cluster.etcdctl(cluster.members[0].address)
            let value = String(repeating: "x", count: 100_000)
            try await eventually("the database is full", every: .milliseconds(1)) {
                try await !client.run(["put", "key", value]).isSuccess
            }
            #expect(try await client("alarm", "list").contains("NOSPACE"))
            #expect(try await outcome(cluster.members[0]) == .http(.healthy))
            await prober.stop()
        }

        @Test(
            arguments: [
                ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", .unusable(.status(404))),
                ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .unusable(.status(200))),
                (
                    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
                    .failed(.timedOut, .connected)
                ),
                (
                    "HTTP/1.1 503 Unavailable\r\nContent-Length: 48\r\n\r\n{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}    ",
                    .http(.unhealthy(.noLeader))
                ),
                ("SSH-2.0-OpenSSH_9.2\r\n", .unusable(.notHTTP)),
                ("\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}\u{46}", .unusable(.notHTTP)),
                (
                    "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + String(repeating: "x", count: 70_000),
                    .unusable(.tooLong)
                ),
                ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 200_000), .unusable(.notHTTP)),
                ("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf", .failed(.timedOut, .connected)),
            ] as [(String, ProbeOutcome)])
        func strangeAnswers(answer: String, outcome: ProbeOutcome) async throws {
            let listener = try ScriptedListener(.says(Array(answer.utf8)))
            let found = await prober.probe([listener.address], host: nil, kind: .http)
            #expect(found.outcome == outcome)
            await prober.stop()
            #expect(OpenDescriptors.to(listener.address) == 0)
        }

        @Test func keptConnection_endsWithFIN() async throws {
            let listener = try ScriptedListener(
                .says(Array("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".utf8)))
            for _ in 0..<5 { _ = await prober.probe([listener.address], host: nil, kind: .http) }
            #expect(listener.endings.isEmpty)
            await prober.stop()
            try await eventually("the client has left") { listener.endings == [.fin] }
        }

        @Test func silence_andEarlyEnd() async throws {
            for (script, failure) in [(ScriptedListener.Script.silent, DialFailure.timedOut), (.closes, .refused)] {
                let listener = try ScriptedListener(script)
                let started = MonotonicClock.now()
                let found = await prober.probe([listener.address], host: nil, kind: .http)
                #expect(found.address == nil && found.outcome == .failed(failure, .connected))
                #expect(MonotonicClock.now() - started < .milliseconds(900))
            }
            await prober.stop()
        }
    }
}
