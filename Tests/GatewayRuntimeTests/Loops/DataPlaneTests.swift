import CSplice
import Gateway
import GatewayTesting
import Glibc
import Testing

@testable import GatewayRuntime

/// Loops with real listeners, clients and servers.
struct DataPlaneTests {
    /// A running plane with one listener.
    private struct Running {
        let plane: DataPlane
        let published: PublishedPlan
        let held: HeldClients
        let facts: Recorder<LoopFact>
        let address: SocketAddress

        func publish(_ plan: DialPlan) {
            published.publish(plan)
            for runner in plane.runners { runner.wake() }
        }

        func client() throws -> TestClient { try TestClient(address) }
    }

    @Test func endpoints_haveAsManyNumbersAsTheDataPlaneHasPlaces() {
        #expect(EndpointSet.slots == UInt32(CSP_ENDPOINTS_MAX))  // C does not look at what it is given
    }

    private func withPlane(
        _ plan: DialPlan, held: HeldClients = HeldClients(), options change: (inout csp_options) -> Void = { _ in },
        _ body: (Running) async throws -> Void
    ) async throws {
        var options = csp_options_default()
        options.loops = 2
        change(&options)
        let (published, facts) = (PublishedPlan(plan), Recorder<LoopFact>())
        let plane = try DataPlane(options: options, plan: published, held: held, accessLog: nil) {
            for fact in $0 { facts.add(fact) }
        }
        let listener = try plane.listen(on: SocketAddress(testing: "127.0.0.1:0"))
        let address = try #require(plane.address(ofListener: listener))
        try plane.start()
        defer { plane.stop() }
        try await body(Running(plane: plane, published: published, held: held, facts: facts, address: address))
    }

    private func id(_ slot: UInt32) -> EndpointID { EndpointID(slot: slot) }

    @Test func firstTargetServes_andThatItWorksIsNewsOnce() async throws {
        let server = try NamingServer("a")
        try await withPlane(.testing([server.address])) { running async throws in
            for _ in 0..<20 { #expect(try await running.client().receive() == .text("a")) }
            // The client may have its bytes before the loop has told.
            try await eventually("told") { !running.facts.all.isEmpty }
            try await eventually("all ended") {
                server.hangUp()
                return running.plane.sessions == 0
            }
            let told = running.facts.all
            #expect(told.allSatisfy { $0 == .dialSucceeded(id(0), server.address) })
            #expect((1...2).contains(told.count), "once for each loop at most")
        }
    }

    @Test func restingTarget_thatWorks_isNewsEachTime() async throws {
        let server = try NamingServer("a")
        var plan = DialPlan.testing([server.address])
        plan.good = 0
        try await withPlane(plan) { running async throws in
            for count in 1...5 {
                #expect(try await running.client().receive() == .text("a"))
                try await eventually("told") { running.facts.count == count }
            }
            #expect(running.facts.all.allSatisfy { $0 == .dialSucceeded(id(0), server.address) })
        }
    }

    @Test func targetThatIsKnownToWork_isNoNews() async throws {
        let server = try NamingServer("a")
        try await withPlane(.testing([server.address], isConfirmed: true)) { running async throws in
            for _ in 0..<20 { #expect(try await running.client().receive() == .text("a")) }
            try await eventually("all ended") {
                server.hangUp()
                return running.plane.sessions == 0
            }
            #expect(running.facts.all.isEmpty)
        }
    }

    @Test func refusedTarget_isFollowedByTheNextAtOnce() async throws {
        let (closed, server) = (try ClosedPort(), try NamingServer("b"))
        try await withPlane(.testing([closed.address, server.address])) { running async throws in
            #expect(try await running.client().receive() == .text("b"))
            try await eventually("both are told") { running.facts.count == 2 }
            #expect(
                running.facts.all == [
                    .dialFailed(id(0), closed.address, .refused), .dialSucceeded(id(1), server.address),
                ])
        }
    }

    @Test func refusals_areToldOncePerPlan_notOncePerClient() async throws {
        let (closed, server) = (try ClosedPort(), try NamingServer("b"))
        let plan = DialPlan.testing([closed.address, server.address])
        try await withPlane(plan) { running async throws in
            for _ in 0..<50 { #expect(try await running.client().receive() == .text("b")) }
            let refused = LoopFact.dialFailed(id(0), closed.address, .refused)
            try await eventually("told") { running.facts.all.contains(refused) }
            let before = running.facts.all.count { $0 == refused }
            #expect((1...2).contains(before), "once for each loop at most")
            running.publish(plan)
            for _ in 0..<50 { #expect(try await running.client().receive() == .text("b")) }
            try await eventually("told again") { running.facts.all.count { $0 == refused } > before }
            #expect(running.facts.all.count { $0 == refused } <= before + 2)
        }
    }

    @Test func silentTarget_isHedgedByTheNextAfterTheDelay() async throws {
        let (silent, server) = (try SilentServer(), try NamingServer("b"))
        let plan = DialPlan.testing([silent.address, server.address], dialTimeout: .seconds(30))
        try await withPlane(plan) { running async throws in
            let start = ContinuousClock.now
            #expect(try await running.client().receive() == .text("b"))
            let elapsed = ContinuousClock.now - start
            #expect(elapsed >= .milliseconds(240) && elapsed < .seconds(20), "\(elapsed)")
        }
    }

    @Test func silentTargetAlone_timesOut_andTheClientIsHeldThenReset() async throws {
        let silent = try SilentServer()
        let plan = DialPlan.testing([silent.address], dialTimeout: .milliseconds(300), holdTimeout: .seconds(2))
        try await withPlane(plan) { running async throws in
            #expect(try await running.client().receive() == .reset)
            #expect(running.facts.all.contains(.dialFailed(id(0), silent.address, .timedOut)))
            #expect(running.facts.all.contains(.heldClientsChanged))
            try await eventually("it is forgotten") { running.held.count == 0 }
        }
    }

    @Test func clientsWithoutATarget_areHeldUntilThereIsOne() async throws {
        let server = try NamingServer("late")
        try await withPlane(.testing([])) { running async throws in
            let clients = try (0..<10).map { _ in try running.client() }
            try await eventually("all are held") { running.held.count == 10 }
            #expect(clients[0].receiveNow() == .nothing)
            running.publish(.testing([server.address]))
            for client in clients { #expect(try await client.receive() == .text("late")) }
            #expect(running.held.count == 0)
            #expect(running.facts.all.contains(.heldClientsChanged))
        }
    }

    @Test func clientHeldAfterAFailure_isServedByTheNextPlan() async throws {
        let (closed, server) = (try ClosedPort(), try NamingServer("back"))
        try await withPlane(.testing([closed.address])) { running async throws in
            let client = try running.client()
            try await eventually("it is held") { running.held.count == 1 }
            running.publish(.testing([server.address]))
            #expect(try await client.receive() == .text("back"))
        }
    }

    @Test func heldClient_isResetWhenItsTimeIsOver_andNotBefore() async throws {
        try await withPlane(.testing([], holdTimeout: .milliseconds(600))) { running async throws in
            let start = ContinuousClock.now
            #expect(try await running.client().receive() == .reset)
            let elapsed = ContinuousClock.now - start
            #expect(elapsed >= .milliseconds(590) && elapsed < .seconds(20), "\(elapsed)")
            try await eventually("it is forgotten") { running.held.count == 0 && running.plane.sessions == 0 }
        }
    }

    @Test func withoutHolding_clientsAreResetAtOnce() async throws {
        try await withPlane(.testing([], holdTimeout: nil)) { running async throws in
            #expect(try await running.client().receive() == .reset)
            #expect(running.held.count == 0)
        }
    }

    @Test func heldClientThatLeaves_isForgotten() async throws {
        try await withPlane(.testing([])) { running async throws in
            var clients = try (0..<5).map { _ in try running.client() }
            try await eventually("all are held") { running.held.count == 5 }
            clients.removeLast(2)
            try await eventually("two are forgotten") { running.held.count == 3 }
            clients.removeAll()
            try await eventually("all are forgotten") { running.held.count == 0 && running.plane.sessions == 0 }
        }
    }

    @Test func moreThanMayBeHeld_areResetAtOnce_andRoomIsUsedAgain() async throws {
        try await withPlane(.testing([]), held: HeldClients(limit: 3)) { running async throws in
            var clients = try (0..<3).map { _ in try running.client() }
            try await eventually("three are held") { running.held.count == 3 }
            #expect(try await running.client().receive() == .reset)
            #expect(running.held.count == 3)
            clients.removeLast()
            try await eventually("there is room") { running.held.count == 2 }
            let another = try running.client()
            try await eventually("it is taken") { running.held.count == 3 }
            #expect(another.receiveNow() == .nothing)
        }
    }

    @Test func shortageOfDescriptors_isNeverToldAsEvidence_andTheClientIsServedAfter() async throws {
        let (silent, server) = (try SilentServer(), try NamingServer("b"))
        let plan = DialPlan.testing(
            [silent.address, server.address], isConfirmed: true, dialTimeout: .milliseconds(600))
        // Room for two sessions, and none for an attempt beside the first one of either.
        try await withPlane(
            plan,
            options: {
                $0.loops = 1; $0.max_descriptors = 4; $0.pipe_pages = 0
            }
        ) { running async throws in
            let clients = try (0..<2).map { _ in try running.client() }
            for client in clients { #expect(try await client.receive() == .text("b")) }
            let told = running.facts.all.filter { if case .acceptPaused = $0 { false } else { true } }
            let allowed: [LoopFact] = [
                .dialFailed(id(0), silent.address, .timedOut), .dialSucceeded(id(1), server.address),
                .heldClientsChanged, .suspected(id(0)), .suspected(id(1)),  // to suspect is to ask
            ]
            #expect(told.allSatisfy { allowed.contains($0) }, "\(told)")
        }
    }

    @Test func limitOfSessions_pausesAcceptingAndSaysSo_andGoesOn() async throws {
        let server = try NamingServer("a")
        try await withPlane(.testing([server.address]), options: { $0.max_sessions = 2 }) { running async throws in
            var clients = try (0..<2).map { _ in try running.client() }
            for client in clients { #expect(try await client.receive() == .text("a")) }
            let waiting = try running.client()
            try await eventually("the pause is told") { running.facts.all.contains(.acceptPaused(error: 0)) }
            #expect(waiting.receiveNow() == .nothing)
            clients.removeAll()
            server.hangUp()
            #expect(try await waiting.receive() == .text("a"))
        }
    }

    @Test func resetOfAnEndpointsSessions_endsThemAll_andNoOthers() async throws {
        let (first, second) = (try NamingServer("a"), try NamingServer("b"))
        try await withPlane(.testing([first.address])) { running async throws in
            let old = try (0..<30).map { _ in try running.client() }
            for client in old { #expect(try await client.receive() == .text("a")) }
            running.publish(.testing([second.address], firstSlot: 1))
            let new = try running.client()
            #expect(try await new.receive() == .text("b"))
            for runner in running.plane.runners { runner.submit(.resetSessions(id(0), spread: .milliseconds(100))) }
            for client in old { #expect(try await client.receive() == .reset) }
            #expect(new.receiveNow() == .nothing)
            try await eventually("one is left") { running.plane.sessions == 1 }
        }
    }

    /// It was dead, and works again before all were told: who came since is not meant, and the others may stay.
    @Test func endpointThatIsGoodAgain_losesNoMoreSessions() async throws {
        let (first, second) = (try NamingServer("a"), try NamingServer("b"))
        try await withPlane(.testing([first.address])) { running async throws in
            let old = try (0..<40).map { _ in try running.client() }
            for client in old { #expect(try await client.receive() == .text("a")) }
            running.publish(.testing([second.address], firstSlot: 1))
            for runner in running.plane.runners { runner.submit(.resetSessions(id(0), spread: .seconds(4))) }
            try await eventually("some are reset") { running.plane.sessions < 40 }
            running.publish(.testing([first.address]))
            let new = try (0..<10).map { _ in try running.client() }
            for client in new { #expect(try await client.receive() == .text("a")) }
            let left = running.plane.sessions
            #expect(left > 10)
            try await Task.sleep(for: .milliseconds(600))  // some steps
            #expect(running.plane.sessions >= left - 2, "a step may have been under way")
            for client in new { #expect(client.receiveNow() == .nothing) }
        }
    }

    /// One that rests may be known to work from before; that somebody joined it now is news all the same.
    @Test func clientWhoJoinsAnEndpointThatRests_isToldOf_alsoWhereItWasConfirmed() async throws {
        let server = try NamingServer("a")
        var plan = DialPlan.testing([server.address], isConfirmed: true)
        plan.good = 0
        try await withPlane(plan) { running async throws in
            let client = try running.client()
            #expect(try await client.receive() == .text("a"))
            try await eventually("told") { running.facts.all.contains(.dialSucceeded(id(0), server.address)) }
        }
    }

    @Test func plansPublishedUnderLoad_loseNobody() async throws {
        let servers = [try NamingServer("a"), try NamingServer("b")]
        try await withPlane(.testing([])) { running async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for round in 0..<200 {
                        running.publish(round % 3 == 0 ? .testing([]) : .testing([servers[round % 2].address]))
                        await Task.yield()
                    }
                    running.publish(.testing([servers[0].address]))
                }
                for _ in 0..<10 {
                    let client = try running.client()
                    guard case .text = try await client.receive() else { throw TestingError("a client was lost") }
                }
                try await group.waitForAll()
            }
            #expect(running.held.count == 0)
        }
    }

    @Test func runnerThatOutlivesThePlane_canStillBeWoken() async throws {
        var runners: [LoopRunner] = []
        try await withPlane(.testing([])) { runners = $0.plane.runners }
        for runner in runners { runner.wake() }
        #expect(runners.allSatisfy { $0.counters.sessions == 0 })
    }

    @Test func listenerInUse_isSaid() async throws {
        try await withPlane(.testing([])) { running async throws in
            #expect(throws: SystemError(EADDRINUSE, "listen on \(running.address)")) {
                _ = try running.plane.listen(on: running.address)
            }
        }
    }

    @Test func idleLoopDoesNotTurn_afterItsSessions() async throws {
        let server = try NamingServer("a")
        try await withPlane(.testing([server.address], isConfirmed: true)) { running async throws in
            let clients = try (0..<20).map { _ in try running.client() }
            for client in clients { #expect(try await client.receive() == .text("a")) }
            let turns = { running.plane.runners.map(\.counters.turns).reduce(0, +) }
            // A second and a half after the first was joined the loop gives them their patience (young.c): one turn.
            try await Task.sleep(for: .milliseconds(2_000))
            var last: UInt64 = .max
            try await eventually("rest", every: .milliseconds(50)) {
                defer { last = turns() }
                return turns() == last
            }
            try await Task.sleep(for: .milliseconds(1_500))  // this is the measurement: longer than a dial's deadline
            #expect(turns() == last)
            withExtendedLifetime(clients) {}
        }
    }
}
