import GatewayTesting
import Testing

@testable import Gateway

/// Endpoints that are addresses: selection, failover, probes. Hosts are named by the last number of `10.0.0.x`.
@Suite struct ControlMachineTests {
    @Test func start_publishesAllEndpointsAtOnce_andAsksNothing() throws {
        var driver = ControlDriver(addresses: 3)
        driver.start()
        let plan = try #require(driver.plan)
        #expect(driver.all.sorted() == [1, 2, 3] && plan.good == 3 && plan.spread == 1)
        driver.pass(5)  // the set is saved
        #expect(driver.questions.isEmpty && driver.machine.nextDeadline == nil)
        #expect(plan.targets.allSatisfy { !$0.isConfirmed })
    }

    @Test func freshMachines_pinByWeight() {
        var firsts: [UInt32: Int] = [:]
        for seed in 0..<6_000 as Range<UInt64> {
            var driver = ControlDriver(addresses: 3, weights: [1, 2, 3], seed: seed)
            driver.start()
            firsts[driver.good[0], default: 0] += 1
        }
        for host in 1...3 as ClosedRange<UInt32> {
            #expect(abs(firsts[host, default: 0] - Int(host) * 1_000) < 200, "\(firsts)")
        }
    }

    @Test func onlyTheLowestTierIsFirst_andLowerOnesServeWhenItFails() {
        for seed in 0..<300 as Range<UInt64> {
            var driver = ControlDriver(addresses: 3, priorities: [3, 1, 2], weights: [0, 0, 0], seed: seed)
            driver.start()
            #expect(driver.good == [2, 3, 1], "seed \(seed)")
            driver.dialFails(2)
            #expect(driver.good == [3, 1] && driver.all == [3, 1, 2], "seed \(seed)")
            driver.probeWorks(2)
            #expect(driver.good == [2, 3, 1], "seed \(seed): a better tier takes over again")
        }
    }

    @Test func pinned_staysUntilItFails_andDoesNotMoveBack() {
        for seed in 0..<500 as Range<UInt64> {
            var driver = ControlDriver(addresses: 3, seed: seed)
            driver.start()
            let first = driver.good[0]
            driver.dialWorks(first)
            driver.dialFails(driver.good[2])
            #expect(driver.good[0] == first, "seed \(seed): another one's failure moves nobody")
            driver.dialFails(first)
            let second = driver.good[0]
            #expect(second != first, "seed \(seed)")
            driver.probeWorks(first)
            #expect(driver.good[0] == second, "seed \(seed)")
        }
    }

    @Test func firstSuccess_isConfirmedOnce_andThenNoNews() {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        driver.dialWorks(1)
        let count = driver.plans.count
        #expect(driver.plan?.targets.first { $0.endpoint == driver.id(1) }?.isConfirmed == true)
        driver.dialWorks(1)
        #expect(driver.plans.count == count)
    }

    @Test func shortageOfOurs_changesNothing() {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        for host in [1, 2, 1, 2] as [UInt32] { driver.dialFails(host, .local) }
        #expect(driver.plans.count == 1 && driver.probes.isEmpty && driver.told.count == 3)
    }

    @Test func allFail_allAreTried_andTheLogSaysItOnce() {
        var driver = ControlDriver(addresses: 3)
        driver.start()
        for host in 1...3 as ClosedRange<UInt32> { driver.dialFails(host) }
        #expect(driver.plan?.good == 0 && driver.all.count == 3)
        for _ in 0..<20 {
            for host in 1...3 as ClosedRange<UInt32> { driver.probeFails(host) }
            driver.pass(10)
        }
        #expect(driver.told.count { $0 == .nobodyLeft } == 1)
        driver.pass(60)
        driver.probeWorks(2)
        #expect(driver.good == [2] && driver.told.count { $0 == .somebodyBack } == 1)
    }

    @Test func failuresThatChangeNothing_publishNothing() {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        for host in 1...2 as ClosedRange<UInt32> { driver.dialFails(host) }
        let count = driver.plans.count
        for _ in 0..<1_000 { for host in 1...2 as ClosedRange<UInt32> { driver.dialFails(host) } }
        #expect(driver.plans.count == count)
    }

    @Test func failedOne_isProbedAtOnce_thenLessAndLess_neverTwiceAtATime() {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        driver.dialFails(1)
        #expect(driver.probes == [driver.id(1)].compactMap { $0 })
        driver.pass(100)
        #expect(driver.probeCount == 1, "the first has not ended")
        driver.probeFails(1)
        for _ in 0..<600 {
            driver.pass(1)
            driver.probeFails(1)
        }
        #expect((10...35).contains(driver.probeCount), "\(driver.probeCount) in ten minutes")
    }

    @Test func heldClients_makeProbesUrgent_andNoOneElsesProbesStay() {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        for host in 1...2 as ClosedRange<UInt32> { driver.dialFails(host) }
        for _ in 0..<60 {
            driver.pass(10)
            for host in 1...2 as ClosedRange<UInt32> { driver.probeFails(host) }
        }
        let before = driver.probeCount
        driver.hold(1)
        for _ in 0..<20 {
            driver.pass(0.1)
            for host in 1...2 as ClosedRange<UInt32> { driver.probeFails(host) }
        }
        #expect(
            (8...12).contains(driver.probeCount - before), "every 400 ms each, not \(driver.probeCount - before) in 2 s"
        )
        driver.pass(0.4)
        driver.probeWorks(1)
        driver.hold(0)
        let after = driver.probeCount
        driver.pass(2)
        #expect(driver.probeCount <= after + 1)
    }

    @Test func lastOneFails_thoseThatRestForLongAreProbedAtOnce() {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        driver.dialFails(1)
        for _ in 0..<60 {
            driver.probeFails(1)
            driver.probeWorks(2)
            driver.pass(10)
        }
        driver.probeFails(1)
        driver.pass(1)
        let before = driver.probeCount
        driver.dialFails(2)
        driver.pass(0)
        #expect(driver.probeCount == before + 2)
    }

    @Test func clientsHeldAlthoughSomebodyIsGood_areServedByTheNextGoodProbe() {
        var driver = ControlDriver(addresses: 1)
        driver.start()
        driver.dialWorks(1)
        driver.pass(0.5)
        driver.dialFails(1, .timedOut)  // it began before the success
        driver.hold(1)
        #expect(driver.plan?.good == 1)
        let count = driver.plans.count
        driver.probeWorks(1)
        #expect(driver.plans.count == count + 1)
    }

    @Test func sessionsOfAMemberThatWasDialedAfterItsLastFailure_areNotReset_untilItFailsAgain() throws {
        var driver = ControlDriver(addresses: 2, healthCheck: .tls)
        driver.start()
        let ids = try (1...2).map { try #require(driver.id($0)) }
        let frozen = ProbeOutcome.failed(.timedOut, .connected)
        for id in ids { driver.suspect(id) }
        for _ in 0..<2 { for id in ids { driver.probeEnds(id, frozen) } }
        #expect(ids.allSatisfy { driver.machine.health[$0]?.isProvenDead == true } && driver.resets.isEmpty)
        driver.pass(1)
        driver.hold(1)
        driver.dialWorks(1)
        driver.pass(1)
        driver.probeEnds(ids[1], .tlsAnswered, at: 2)
        #expect(driver.good == [2] && driver.resets.isEmpty, "it has just accepted a client")
        driver.probeEnds(ids[0], frozen)
        #expect(driver.resets == [:], "that probe may have begun before")
        driver.pass(5)
        driver.probeEnds(ids[0], frozen)
        driver.suspect(ids[1])
        driver.probeEnds(ids[1], .tlsAnswered, at: 2)
        #expect(driver.resets == [ids[0]: .dead])
    }

    /// An election, or our own cable: the first to be found dead is not the only one.
    @Test(arguments: [false, true])
    func whatAnotherOneSaidBefore_isNoProof_soItIsAsked(works: Bool) throws {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        let ids = try (1...2).map { try #require(driver.id($0)) }
        for id in ids { driver.suspect(id) }
        for host in 1...2 as ClosedRange<UInt32> { driver.probeWorks(host) }
        driver.pass(1)
        driver.suspect(ids[0])
        driver.probeFails(1)
        driver.probeFails(1)
        #expect(driver.machine.health[ids[0]]?.isProvenDead == true && driver.resets.isEmpty)
        driver.pass(0.001)
        #expect(driver.probes == [ids[1]])
        if works {
            driver.probeWorks(2)
        } else {
            driver.probeFails(2)
            driver.probeFails(2)
            driver.pass(10)
        }
        #expect(driver.resets == (works ? [ids[0]: .dead] : [:]))
    }

    /// All members have no leader; then one is back first, and the other gets its chance.
    @Test(arguments: [false, true])
    func afterAnElection_theDeadOneIsAskedOnceMore(isBack: Bool) throws {
        var driver = ControlDriver(addresses: 2, healthCheck: .http)
        driver.start()
        let ids = try (1...2).map { try #require(driver.id($0)) }
        for (index, id) in ids.enumerated() {
            driver.suspect(id)
            for _ in 0..<2 { driver.probeEnds(id, .http(.unhealthy(.noLeader)), at: UInt32(index) + 1) }
        }
        for id in ids { #expect(driver.machine.health[id]?.isProvenDead == true) }
        driver.pass(0.3)
        driver.probeEnds(ids[1], .http(.healthy), at: 2)
        #expect(driver.resets.isEmpty, "the failure is older than the proof")
        driver.pass(0.3)
        driver.probeEnds(ids[0], .http(isBack ? .healthy : .unhealthy(.noLeader)), at: 1)
        #expect(driver.resets == (isBack ? [:] : [ids[0]: .dead]))
    }

    @Test func staleFacts_ofUnknownEndpoints_areIgnored() {
        var driver = ControlDriver(addresses: 1)
        driver.start()
        var generator = SeededGenerator(seed: 1)
        let nobody = EndpointID.number(77)
        #expect(driver.machine.dialFailed(nobody, .host(1), .refused, at: .zero, using: &generator) == [])
        #expect(driver.machine.dialSucceeded(nobody, .host(1), at: .zero, using: &generator) == [])
        #expect(driver.machine.probeEnded(nobody, .connected, at: nil, now: .zero, using: &generator) == [])
    }
}

// Loops.
extension ControlMachineTests {
    private func loopGuard(_ hosts: UInt32...) -> LoopGuard {
        LoopGuard(
            listeners: [SocketAddress(ip: .v4(0), port: 2379)],
            localAddresses: Set(hosts.map { SocketAddress.host($0).ip }))
    }

    @Test func loop_isNeverDialed_andToldOnce() {
        var driver = ControlDriver(addresses: 2)
        driver.start(guardedBy: loopGuard(1))
        #expect(driver.all == [2])
        driver.readLocalAddresses(loopGuard(1, 7))
        driver.pass(60)
        let loops = driver.told.count { if case .loopAvoided = $0 { true } else { false } }
        #expect(loops == 1)
    }

    @Test func addressThatBecomesOurs_isNotDialedAnyMore_norProbed() {
        var driver = ControlDriver(addresses: 2)
        driver.start(guardedBy: loopGuard())
        driver.dialFails(1)
        driver.readLocalAddresses(loopGuard(1))
        #expect(driver.all == [2])
        driver.pass(5)  // the set is saved
        #expect(driver.pass(600) == 0, "no deadline is left")
        driver.readLocalAddresses(loopGuard())
        #expect(driver.all == [2, 1])
    }

    @Test func onlyLoops_nobodyIsDialed_andNothingSpins() {
        var driver = ControlDriver(addresses: 2)
        driver.start(guardedBy: loopGuard(1, 2))
        driver.hold(5)
        driver.pass(5)  // the set is saved
        #expect(driver.plan?.targets.isEmpty == true && driver.pass(600) == 0)
    }
}
