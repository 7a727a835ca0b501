import Testing

@testable import Gateway

@Suite struct ControlMachineStatusTests {
    private func status(
        _ driver: ControlDriver, history: StatusHistory = StatusHistory()
    ) -> [String: EndpointStatus] {
        let all = driver.machine.endpointStatus(traffic: [:], dialTimes: [:], history: history, at: driver.now)
        return Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    }

    @Test func start_isUntried_andOneServes() {
        var driver = ControlDriver(addresses: 3)
        driver.start()
        let all = status(driver)
        #expect(all.values.allSatisfy { $0.state == .untried && $0.reason.isEmpty && $0.addresses.count == 1 })
        #expect(all.values.count { $0.role == .serving } == 1 && all.values.count { $0.role == .standby } == 2)
        #expect(driver.machine.isReady)
    }

    @Test func failure_isToldWithItsReason_itsAge_andWhatComesNext() throws {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        driver.dialWorks(2)
        driver.dialFails(1)
        driver.pass(0.05)
        driver.probeFails(1)
        let down = try #require(status(driver)["10.0.0.1:2379"])
        #expect(down.state == .down && down.role == .out && down.age == .milliseconds(50))
        #expect(down.reason == "connection refused" && down.nextProbe != nil)
        let why = driver.machine.explanation(at: driver.now).rows.last?.reason
        #expect(why?.hasPrefix("connection refused; next probe in ") == true)
        driver.pass(1)
        #expect(status(driver)["10.0.0.1:2379"]?.isProbing == true)
        let later = driver.machine.explanation(at: driver.now).rows.last?.reason
        #expect(later == "connection refused; a probe is under way")
        #expect(status(driver)["10.0.0.2:2379"]?.state == .good)
    }

    @Test func nobodyLeft_isNotReady_andEverybodyServes() {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        driver.dialFails(1)
        driver.dialFails(2)
        #expect(!driver.machine.isReady)
        #expect(status(driver).values.allSatisfy { $0.role == .serving && $0.state == .down })
    }

    @Test func lastError_staysWhenItIsOver() throws {
        var driver = ControlDriver(addresses: 2)
        var history = StatusHistory()
        driver.start()
        driver.dialFails(1)
        for notice in driver.told { history.told(notice, at: driver.now, time: WallTime(milliseconds: 0)) }
        driver.probeWorks(1)
        driver.pass(3)
        let back = try #require(status(driver, history: history)["10.0.0.1:2379"])
        #expect(back.state == .good && back.lastError == "connection refused" && back.lastErrorAge == .seconds(3))
    }

    @Test func namesWithoutAddress_sayWhatDNSSays() throws {
        var driver = ControlDriver(ControlDriver.options(names: ["a", "b", "c"]))
        driver.start()
        driver.resolve("a", 1)
        driver.answer(.addresses("b", .v4), .failed("SERVFAIL"))
        driver.answer(.addresses("b", .v6), .nothing(timeToLive: nil))
        let all = status(driver)
        #expect(all["a:2379"]?.state == .untried)
        #expect(all["b:2379"]?.state == .unresolved && all["b:2379"]?.reason == "DNS gives no address: SERVFAIL")
        #expect(all["c:2379"]?.reason == "its name is being resolved")
        let discovery = try #require(driver.machine.discoveryStatus(at: driver.now))
        #expect(discovery.domain == nil && discovery.source == "the settings" && discovery.names.count == 6)
        let failing = try #require(discovery.names.first { $0.name == "b" && $0.type == "A" })
        #expect(failing.state == .failing && failing.error == "SERVFAIL" && failing.nextRefresh != nil)
        #expect(discovery.names.first { $0.name == "b" && $0.type == "AAAA" }?.state == DiscoveryStatus.Name.State.none)
        #expect(discovery.names.first { $0.name == "a" && $0.type == "A" }?.records == 1)
    }

    @Test func removedEndpoints_areMissing_thenDraining() throws {
        var driver = ControlDriver(ControlDriver.discovery())
        driver.start()
        driver.list([], secure: false)
        driver.list(["a", "b"], seconds: 2)
        driver.resolve("a.", 1)
        driver.resolve("b.", 2)
        driver.pass(3)
        driver.list(["a"], seconds: 2)
        #expect(status(driver)["b:2379"]?.state == .missing)
        driver.pass(8)
        driver.list(["a"], seconds: 2)
        let draining = try #require(status(driver)["b:2379"])
        #expect(draining.state == .draining && draining.role == .out && draining.age == .zero)
        #expect(draining.reason == "removed from DNS; what sessions it has left end within 30s")
        #expect(driver.machine.discoveryStatus(at: driver.now)?.source == "DNS")
    }

    @Test func endpointThatLeadsBack_isToldSo() throws {
        var driver = ControlDriver(addresses: 1)
        driver.start(guardedBy: LoopGuard(listeners: [.host(1)], localAddresses: [SocketAddress.host(1).ip]))
        let loop = try #require(status(driver)["10.0.0.1:2379"])
        #expect(loop.state == .unresolved)
        #expect(loop.reason == "10.0.0.1:2379 leads back to this gateway; it is never dialed")
    }
}

@Suite struct ExplanationTests {
    private func chances(_ driver: ControlDriver) -> [String: Explanation.Chance] {
        let rows = driver.machine.explanation(at: driver.now).rows
        return Dictionary(uniqueKeysWithValues: rows.map { ($0.endpoint, $0.chance) })
    }

    @Test func pinned_namesTheNext_andThoseThatWait() throws {
        var driver = ControlDriver(addresses: 3, priorities: [0, 0, 5])
        driver.start()
        let explanation = driver.machine.explanation(at: driver.now)
        #expect(explanation.rows.map(\.chance) == [.next, .standby, .standby])
        #expect(explanation.rows[0].reason == "every new session goes there until it fails (pinned)")
        #expect(explanation.rows[1].reason == "it works, and waits until \(explanation.rows[0].endpoint) fails")
        #expect(explanation.rows[2].reason == "tier 5 serves only while nobody of tier 0 can")
        #expect(driver.machine.endpoints.all.count == 3)
    }

    @Test func sharesOfWeighted_areGiven() {
        var driver = ControlDriver(addresses: 2, weights: [1, 3], policy: .weighted)
        driver.start()
        let rows = driver.machine.explanation(at: driver.now).rows
        let reasons = Dictionary(uniqueKeysWithValues: rows.map { ($0.endpoint, $0.reason) })
        #expect(reasons["10.0.0.1:2379"] == "25 % of new sessions go there, by weight")
        #expect(reasons["10.0.0.2:2379"] == "75 % of new sessions go there, by weight")
        #expect(rows.allSatisfy { $0.chance == .shared })
    }

    @Test func failedOne_isTheLastResort_andInPanicEverybodyIsTried() {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        driver.dialFails(1)
        #expect(chances(driver) == ["10.0.0.1:2379": .lastResort, "10.0.0.2:2379": .next])
        driver.dialFails(2)
        let rows = driver.machine.explanation(at: driver.now).rows
        #expect(rows.map(\.chance) == [.next, .lastResort])
        #expect(rows.allSatisfy { $0.reason.hasPrefix("nobody is believed good, so everybody is tried in turn; ") })
    }

    @Test func json_comesBack() throws {
        var driver = ControlDriver(addresses: 3)
        driver.start()
        driver.dialFails(2)
        let explanation = driver.machine.explanation(at: driver.now)
        #expect(JSON(parsing: "\(explanation.json)").flatMap { Explanation($0) } == explanation)
        #expect(explanation.lines(isColoured: false).count == 5)
    }
}
