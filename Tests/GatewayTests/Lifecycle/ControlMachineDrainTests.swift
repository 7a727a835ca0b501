import GatewayTesting
import Testing

@testable import Gateway

/// An administrator takes an endpoint out of service, to stop it without a client noticing.
@Suite struct ControlMachineDrainTests {
    private func driver(_ count: Int, policy: Policy = .pinned) -> ControlDriver {
        var driver = ControlDriver(addresses: count, policy: policy)
        driver.start()
        for host in 1...UInt32(count) { driver.dialWorks(host) }
        return driver
    }

    private func key(_ host: UInt32) -> EndpointKey {
        EndpointKey(host: .address(SocketAddress.host(host).ip), port: 2379)
    }

    private func sessions(_ driver: inout ControlDriver, _ host: UInt32, _ count: UInt64) throws -> EndpointID {
        let id = try #require(driver.id(host))
        driver.activity[id] = .init(sessions: count, lastReceived: nil)
        return id
    }

    @Test func drained_getsNoNewSession_andItsSessionsEndWithTheGrace() throws {
        var driver = driver(3)
        let first = try #require(driver.good.first)
        let id = try sessions(&driver, first, 5)
        let verdict = driver.drain(key(first), within: .seconds(30))
        #expect(verdict == .takenOut)
        #expect(driver.all.count == 2 && !driver.all.contains(first))
        #expect(driver.told.last == .pinned(key(driver.all[0])))
        driver.pass(29)
        #expect(driver.resets.isEmpty)
        driver.pass(2)
        #expect(driver.resets == [id: .drained])
        #expect(driver.machine.standing(sessions: 5).drained == [key(first)])
    }

    @Test func drainedAtOnce_sessionsAreResetNow_andThoseOfLateDialsLater() throws {
        var driver = driver(2)
        let id = try sessions(&driver, 1, 0)  // what was last known may be old
        driver.drain(key(1), within: .zero)
        #expect(driver.resets == [id: .drained])
        driver.resets = [:]
        driver.activity[id]?.sessions = 1
        driver.pass(11)
        #expect(driver.resets == [id: .drained])
        driver.resets = [:]
        driver.activity[id]?.sessions = 0
        driver.pass(60)
        #expect(driver.resets.isEmpty)
    }

    @Test func lastOne_servesOn_isToldOf_andGoesOnceAnotherIsBack() throws {
        var driver = driver(2)
        driver.drain(key(1), within: .seconds(1))
        let id = try sessions(&driver, 1, 3)
        driver.dialFails(2)
        driver.probeFails(2)
        #expect(driver.good == [1] && driver.all == [1, 2], "a drained one that works before one that does not")
        #expect(driver.told.contains(.lastOneServes(key(1))))
        driver.pass(30)
        #expect(driver.resets.isEmpty, "its clients would have nowhere to go")
        driver.probeWorks(2)
        driver.dialWorks(2)
        #expect(driver.all == [2])
        driver.pass(2)
        #expect(driver.resets == [id: .drained])
    }

    @Test func onlyEndpoint_isTheLastOne() {
        var driver = driver(1)
        let verdict = driver.drain(key(1), within: .zero)
        #expect(verdict == .lastOne)
        #expect(driver.all == [1] && driver.resets.isEmpty)
        #expect(driver.told.count { $0 == .lastOneServes(key(1)) } == 1)
        driver.pass(100)
        #expect(driver.resets.isEmpty && driver.told.count { $0 == .lastOneServes(key(1)) } == 1)
    }

    @Test func undrained_isInThePlanAgain_andNothingIsReset() {
        var driver = driver(2, policy: .roundRobin)
        driver.drain(key(1), within: .seconds(30))
        #expect(driver.all == [2])
        let wasOut = driver.undrain(key(1))
        #expect(wasOut)
        #expect(Set(driver.good) == [1, 2] && driver.plan?.spread == 2)
        driver.pass(100)
        #expect(driver.resets.isEmpty && driver.machine.drainedEndpoints.isEmpty)
        let isOut = driver.undrain(key(1))
        #expect(!isOut, "it is in service")
    }

    @Test func saidAgain_theNewTimeCounts_andItIsToldOnce() throws {
        var driver = driver(2)
        let id = try sessions(&driver, 1, 1)
        driver.drain(key(1), within: .seconds(300))
        driver.drain(key(1), within: .seconds(1))
        driver.pass(2)
        #expect(driver.resets == [id: .drained])
        #expect(driver.told.count { if case .endpointTakenOut = $0 { true } else { false } } == 1)
    }

    @Test func unknownOne_isSaidToBeUnknown() {
        var driver = driver(1)
        let plans = driver.plans
        let verdict = driver.drain(key(9), within: .zero)
        #expect(verdict == .unknown && driver.plans == plans)
    }

    @Test func forgottenOne_thatComesBack_isInService() {
        var driver = driver(2)
        let options = driver.machine.options
        driver.drain(key(1), within: .seconds(1))
        var without = options
        without.endpoints.removeFirst()
        driver.reload(without)
        driver.pass(60)
        driver.reload(options)
        #expect(Set(driver.all) == [1, 2])
    }

    @Test func reload_leavesItOutOfService() {
        var driver = driver(2)
        var options = driver.machine.options
        driver.drain(key(1), within: .seconds(1))
        options.policy = .roundRobin
        driver.reload(options)
        #expect(driver.all == [2])
    }
}
