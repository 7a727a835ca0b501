import GatewayTesting
import Testing

extension RealComponents {
    /// Members die and come back; clients see as little of it as can be.
    @Suite(.serialized)
    struct FailoverTests {
        @Test func whenThePinnedMemberIsKilled_noNewConnectionFails() async throws {
            let cluster = try await EtcdCluster()
            let gateway = try await GatewayProcess.ready(["start", "--endpoints=\(cluster.endpoints)"])
            let pinned = try await gateway.memberInUse(of: cluster)

            let requests = RequestLoop(PlainRequest(at: gateway.address))
            try await requests.wait(for: 100, startedAfter: .now - .seconds(60))
            let killedFrom = ContinuousClock.now
            try await pinned.kill()
            let killedUntil = ContinuousClock.now
            try await requests.wait(for: 400, startedAfter: killedUntil)

            let outcomes = try await requests.stop()
            // What was under way at that moment was answered by the member or not: that is not the gateway's to mend.
            let decided = outcomes.filter { $0.endedAt < killedFrom || $0.startedAt > killedUntil }
            #expect(decided.compactMap(\.failure) == [])
            let slowest = decided.map(\.duration).max() ?? .zero
            #expect(slowest < .seconds(1), "a refused dial goes on to the next member at once")
            #expect(try await gateway.memberInUse(of: cluster) !== pinned)
        }

        @Test func whenThePinnedMemberIsKilled_aWatchGoesOn() async throws {
            let cluster = try await EtcdCluster()
            let gateway = try await GatewayProcess.ready(["start", "--endpoints=\(cluster.endpoints)"])
            let etcdctl = try cluster.etcdctl(gateway.address)
            let watch = try etcdctl.start(["watch", "news", "--rev=1"])
            try await etcdctl("put", "news", "before")
            try await watch.waitForText("before\n")
            let pinned = try await gateway.memberInUse(of: cluster)
            try await cluster.letAnotherMemberLead(than: pinned)

            try await pinned.kill()
            try await eventually("a majority takes the put") {
                try await etcdctl.run(["put", "news", "after"]).isSuccess
            }
            try await watch.waitForText("after\n")
        }

        @Test func whenAllMembersDieAndOneComesBack_aHeldClientIsServed() async throws {
            // Three clusters of one: each serves as soon as it is back, without a majority of others.
            let clusters = try await [EtcdCluster(size: 1), EtcdCluster(size: 1), EtcdCluster(size: 1)]
            let members = clusters.flatMap(\.members)
            let endpoints = members.map(\.address).joined(separator: ",")
            let gateway = try await GatewayProcess.ready(["start", "--endpoints=\(endpoints)", "--hold-timeout=1m"])
            let request = PlainRequest(at: gateway.address, within: .seconds(60))
            #expect(await request.run().failure == nil)

            for member in members {
                try await member.kill()
            }
            async let held = request.run()
            let last = try #require(members.last)
            try last.start()
            #expect(await held.failure == nil)
            #expect(await request.run().failure == nil)
        }

        @Test func whenNobodyAnswers_aClientIsClosedAfterTheHoldTimeout() async throws {
            let nobody = try FreePort.next()
            let gateway = try await GatewayProcess.ready(
                ["start", "--endpoints=127.0.0.1:\(nobody)", "--hold-timeout=1s"])
            let outcome = await PlainRequest(at: gateway.address, within: .seconds(30)).run()
            #expect(!outcome.isSuccess)
            #expect(outcome.duration >= .milliseconds(900) && outcome.duration < .seconds(10))
            #expect(gateway.process.isRunning)
        }

        @Test func whenAKilledMemberIsBack_itIsUsedAgainOnceTheOthersAreGone() async throws {
            let clusters = try await [EtcdCluster(size: 1), EtcdCluster(size: 1)]
            let (first, second) = (clusters[0].members[0], clusters[1].members[0])
            let gateway = try await GatewayProcess.ready([
                "start", "--endpoints=\(first.address),\(second.address)", "--retry-delay=1s",
            ])
            let request = PlainRequest(at: gateway.address)
            try await first.kill()
            #expect(await request.run().failure == nil)
            try first.start()
            try await clusters[0].waitUntilHealthy(first)
            try await second.kill()
            #expect(await request.run().failure == nil)
        }
    }
}
