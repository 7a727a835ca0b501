import GatewayTesting
import Testing

@testable import Gateway

/// A discovery domain whose records change.
@Suite struct ControlMachineDiscoveryTests {
    private func driver(_ options: ControlOptions = ControlDriver.discovery()) -> ControlDriver {
        var driver = ControlDriver(options)
        driver.start()
        return driver
    }

    /// A driver that has found `a` (host 1) and `b` (host 2) by the ssl service; there is no plain one.
    private func settled(_ options: ControlOptions = ControlDriver.discovery()) -> ControlDriver {
        var driver = driver(options)
        driver.list(["a", "b"])
        driver.list([], secure: false)
        driver.resolve("a.", 1)
        driver.resolve("b.", 2)
        return driver
    }

    private func fallback() -> ControlOptions {
        ControlDriver.discovery(fallback: [StaticEndpoint(host: .address(SocketAddress.host(50).ip))])
    }

    @Test func start_asksForBothServices_thenForTheirTargets() {
        var driver = driver()
        #expect(driver.questions == [.services("_etcd-client-ssl._tcp.x"), .services("_etcd-client._tcp.x")].sorted())
        driver.list(["a"])
        #expect(driver.questions.contains(.addresses("a.", .v4)) && driver.questions.contains(.addresses("a.", .v6)))
        driver.resolve("a.", 1)
        #expect(driver.good == [1])
    }

    @Test func newEndpoint_takesPartAtOnce_withoutMovingThePin() {
        var driver = settled()
        let first = driver.good[0]
        driver.pass(66)
        driver.list(["a", "b", "c"])
        driver.resolve("c.", 3)
        #expect(driver.good.sorted() == [1, 2, 3] && driver.good[0] == first)
    }

    @Test func removedEndpoint_getsNoNewSession_drainsAfterASecondAnswer_andIsForgotten() {
        var driver = settled()
        let id = driver.id(1)
        driver.pass(66)
        driver.list(["b"])
        #expect(driver.good == [2, 1] && id.map { driver.machine.endpoints[$0] != nil } == true)
        driver.pass(4.9)
        #expect(!driver.questions.contains(.services("_etcd-client-ssl._tcp.x")))
        driver.pass(0.1)
        #expect(driver.questions.contains(.services("_etcd-client-ssl._tcp.x")), "asked for the confirmation")
        driver.list(["b"])
        #expect(driver.all == [2])
        driver.pass(30)
        #expect(driver.machine.endpoints.all.count == 1 && driver.machine.health.count == 1)
        #expect(driver.told.count { if case .endpointRemoved = $0 { true } else { false } } == 1)
    }

    @Test func removedEndpoint_thatReturnsInTheSecondAnswer_isAsBefore() {
        var driver = settled()
        let id = driver.id(1)
        driver.pass(66)
        driver.list(["b"])
        driver.pass(5)
        driver.list(["a", "b"])
        #expect(driver.good.sorted() == [1, 2] && driver.id(1) == id)
    }

    @Test func removedEndpoint_staysUsable_whileNobodyElseIsGood() {
        var driver = settled()
        driver.pass(66)
        driver.list(["b"])
        driver.dialFails(2)
        #expect(driver.good == [1])
    }

    @Test func removedEndpoints_serveOn_whileNoneOfTheNewOnesHasAnAddress() {
        var driver = settled()
        driver.pass(66)
        for _ in 0..<3 {
            driver.list(["c"])
            driver.pass(66)
        }
        #expect(driver.good.sorted() == [1, 2] && driver.machine.endpoints.all.count == 3)
        driver.resolve("c.", 3)
        driver.list(["c"])
        #expect(driver.all == [3])
        driver.pass(30)
        #expect(driver.machine.endpoints.all.count == 1)
    }

    @Test func removedEndpoints_serveOn_whileTheNewOnesAreDead() {
        var driver = settled()
        driver.pass(66)
        driver.list(["c"])
        driver.resolve("c.", 3)
        driver.dialFails(3)
        for _ in 0..<3 {
            driver.pass(66)
            driver.resolve("c.", 3)
            driver.list(["c"])
            driver.probeFails(3)
        }
        #expect(driver.good.sorted() == [1, 2])
        driver.pass(66)
        driver.probeWorks(3)
        driver.list(["c"])
        #expect(driver.all == [3])
    }

    @Test func drainingEndpoint_thatRests_isNotProbed_andNothingSpins() {
        var driver = settled()
        driver.dialFails(1)
        driver.probeFails(1)
        driver.pass(66)
        driver.list(["b"])
        driver.pass(5)
        driver.list(["b"])
        let before = driver.probeCount
        #expect(driver.pass(29) < 5)
        #expect(driver.probeCount == before)
    }

    @Test func answerOfThePlainService_doesNotConfirmARemoval() {
        var driver = driver()
        driver.list(["a", "b"], seconds: 300)
        driver.list(["p"], secure: false, seconds: 1)
        driver.resolve("a.", 1)
        driver.resolve("b.", 2)
        driver.changeNameService()
        driver.list(["b"], seconds: 300)
        for _ in 0..<10 {
            driver.pass(2)
            driver.list(["p"], secure: false, seconds: 1)
        }
        #expect(driver.all == [2, 1], "the second answer to the ssl question has not come")
        driver.list(["b"], seconds: 300)
        #expect(driver.all == [2])
    }

    @Test func changedPriority_changesTheOrderOnly() {
        var driver = settled()
        let ids = [driver.id(1), driver.id(2)]
        driver.pass(66)
        driver.list(["a 5", "b"])
        #expect(driver.good == [2, 1])
        driver.pass(66)
        driver.list(["a", "b 5"])
        #expect(driver.good == [1, 2] && [driver.id(1), driver.id(2)] == ids)
    }

    @Test func emptyAnswer_keepsTheLastGoodSet() {
        var driver = settled()
        for _ in 0..<20 {
            driver.pass(66)
            driver.list([])
        }
        #expect(driver.good.sorted() == [1, 2])
        #expect(driver.told.count { if case .discoveryFailing = $0 { true } else { false } } == 1)
        driver.pass(66)
        driver.list(["a", "b"])
        #expect(driver.told.count { if case .discoveryRecovered = $0 { true } else { false } } == 1)
    }

    @Test func allMembersReplaced_oldOnesServeUntilNewOnesAreResolved() {
        var driver = settled()
        driver.pass(66)
        driver.list(["c", "d"])
        #expect(driver.good.sorted() == [1, 2])
        driver.resolve("c.", 3)
        #expect(driver.good.sorted() == [1, 2], "the new ones join together")
        driver.resolve("d.", 4)
        #expect(Set(driver.good.prefix(2)) == [3, 4] && driver.good.count == 4)
    }
}

// Which records count, and what serves instead.
extension ControlMachineDiscoveryTests {
    @Test func plainRecords_serveWhereThereAreNoSSLOnes_withOneWarning() {
        var driver = driver()
        driver.list(["p"], secure: false)
        #expect(driver.machine.endpoints.all.isEmpty, "ssl records may exist")
        driver.list([])
        driver.resolve("p.", 1)
        #expect(driver.good == [1])
        driver.pass(66)
        driver.list(["p"], secure: false)
        #expect(driver.told.count { if case .discoveryIsPlain = $0 { true } else { false } } == 1)
    }

    @Test func sslRecordsThatAppear_replacePlainOnes() {
        var driver = driver()
        driver.list([])
        driver.list(["p"], secure: false)
        driver.resolve("p.", 1)
        driver.pass(66)
        driver.list(["s"])
        driver.resolve("s.", 2)
        #expect(driver.good == [2, 1])
        driver.pass(5)
        driver.list(["s"])
        #expect(driver.all == [2])
    }

    @Test func requiredTLS_plainIsNeverAskedNorUsed() {
        let driver = driver(ControlDriver.discovery(requiresTLS: true))
        #expect(driver.questions == [.services("_etcd-client-ssl._tcp.x")])
    }

    @Test func insecure_bothServe_andTheRemovalFromOneIsConfirmedByThatOne() {
        var driver = driver(ControlDriver.discovery(isInsecure: true))
        driver.list(["s"], seconds: 1)
        driver.list(["p", "q"], secure: false, seconds: 300)
        for (name, host) in [("s.", 1), ("p.", 2), ("q.", 3)] as [(String, UInt32)] { driver.resolve(name, host) }
        #expect(driver.good.sorted() == [1, 2, 3])
        driver.changeNameService()
        driver.list(["p"], secure: false, seconds: 300)
        driver.pass(5)
        driver.list(["s"], seconds: 1)
        #expect(driver.all.contains(3))
        driver.list(["p"], secure: false, seconds: 300)
        #expect(!driver.all.contains(3))
    }

    @Test func insecure_aServiceThatVanishes_isMissingAtOnce_andGoneAfterItsOwnSecondAnswer() {
        var driver = driver(ControlDriver.discovery(isInsecure: true))
        driver.list(["s"], seconds: 300)
        driver.list(["p"], secure: false, seconds: 300)
        driver.resolve("s.", 1)
        driver.resolve("p.", 2)
        driver.changeNameService()
        driver.list([], seconds: 300)
        #expect(driver.good == [2, 1])
        driver.pass(5)
        driver.list(["p"], secure: false, seconds: 300)
        #expect(driver.all == [2, 1] && driver.questions.contains(.services("_etcd-client-ssl._tcp.x")))
        driver.list([], seconds: 300)
        #expect(driver.all == [2])
    }

    @Test func discoveryHasNothing_theConfiguredEndpointsServe_withOneLine() {
        var driver = driver(fallback())
        driver.list([])
        #expect(driver.all.isEmpty, "the plain question is open")
        driver.list([], secure: false)
        #expect(driver.good == [50])
        driver.pass(600)
        #expect(driver.told.count { $0 == .usingConfiguredEndpoints } == 1)
    }

    @Test func discoveryFails_theConfiguredEndpointsServe_untilItAnswers() {
        var driver = driver(fallback())
        for question in driver.questions { driver.answer(question, .failed("SERVFAIL")) }
        #expect(driver.good == [50])
        driver.pass(1)
        driver.list(["a"])
        driver.resolve("a.", 1)
        #expect(driver.good == [1, 50])
        driver.pass(5)
        driver.list(["a"])
        #expect(driver.all == [1])
    }

    @Test func discoveryFails_theDefaultEndpointIsNoFallback() {
        var driver = driver()
        for _ in 0..<50 {
            for question in driver.questions { driver.answer(question, .failed("SERVFAIL")) }
            driver.pass(30)
        }
        #expect(driver.machine.endpoints.all.isEmpty && driver.plans.allSatisfy { $0.targets.isEmpty })
        #expect(driver.told.allSatisfy { if case .discoveryFailing = $0 { true } else { false } })
    }

    @Test func discoveryThatWorkedOnce_neverFallsBack() {
        var driver = settled(fallback())
        for _ in 0..<50 {
            driver.pass(66)
            for question in driver.questions { driver.answer(question, .failed("SERVFAIL")) }
        }
        #expect(driver.good.sorted() == [1, 2])
    }
}
