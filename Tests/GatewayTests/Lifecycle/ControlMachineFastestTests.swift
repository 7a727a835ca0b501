import GatewayTesting
import Testing

@testable import Gateway

/// `--policy=fastest`: who serves follows measured dials, slowly.
@Suite struct ControlMachineFastestTests {
    private func driver(_ hosts: Int, priorities: [UInt16] = [], seed: UInt64 = 1) -> ControlDriver {
        var driver = ControlDriver(
            addresses: hosts, priorities: priorities, policy: .fastest, healthInterval: .seconds(5), seed: seed)
        driver.start()
        return driver
    }

    /// Answers all probes for so long; a host is dialed in its time of milliseconds.
    private func run(_ driver: inout ControlDriver, seconds: Int, _ times: [UInt32: Double]) {
        for _ in 0..<(seconds * 10) {
            driver.pass(0.1)
            for host in times.keys.sorted() { driver.probeWorks(host, dialedIn: times[host].map { .milliseconds($0) }) }
        }
    }

    @Test func fastestServes_whoeverWasPickedFirst() {
        for seed in 0..<50 as Range<UInt64> {
            var driver = driver(3, seed: seed)
            run(&driver, seconds: 2, [1: 8, 2: 1, 3: 4])
            #expect(driver.good[0] == 2 && driver.plan?.spread == 1, "seed \(seed)")
            driver.dialFails(2)
            #expect(driver.good == [3, 1], "seed \(seed): the next fastest follows")
        }
    }

    @Test func smallDifferences_moveNobody_largeOnesAfterThreeMeasurements() {
        var driver = driver(2)
        run(&driver, seconds: 2, [1: 1, 2: 1])
        let first = driver.good[0]
        let other = 3 - first
        run(&driver, seconds: 300, [first: 1, other: 0.75])
        #expect(driver.good[0] == first)
        run(&driver, seconds: 30, [first: 1, other: 0.1])
        #expect(driver.good[0] == first, "one measurement is none")
        run(&driver, seconds: 170, [first: 1, other: 0.1])
        #expect(driver.good[0] == other)
        let plans = driver.plans.count
        run(&driver, seconds: 300, [first: 0.1, other: 0.1])
        #expect(driver.good[0] == other && driver.plans.count == plans, "nor does it move back")
    }

    @Test func slowTierThatIsPreferred_serves() {
        var driver = driver(2, priorities: [0, 1])
        run(&driver, seconds: 60, [1: 100, 2: 1])
        #expect(driver.good == [1, 2])
    }

    @Test func everyEndpoint_isMeasuredInHalfAMinute_thoughBytesExcuseItsProbes() {
        var driver = driver(2)
        for id in driver.machine.health.keys {
            driver.activity[id] = ControlMachine.Activity(sessions: 1, lastReceived: .at(10_000))
        }
        run(&driver, seconds: 10, [1: 1, 2: 1])
        let before = driver.probeCount
        run(&driver, seconds: 300, [1: 1, 2: 1])
        #expect((20...60).contains(driver.probeCount - before), "\(driver.probeCount - before)")
        #expect(driver.freshProbes == driver.probeCount, "all of them were there to measure")
    }

    @Test func endpointThatBeginsToServe_isLookedAtAsOftenAsWhoServes() throws {
        for seed in 0..<20 as Range<UInt64> {
            var driver = driver(2, seed: seed)
            run(&driver, seconds: 8, [1: 1, 2: 4])
            let other = try #require(driver.id(2))
            try #require(driver.good[0] == 1)
            #expect(try wait(driver, other) > .seconds(6), "seed \(seed): it was looked at rarely")
            driver.dialFails(1)
            #expect(driver.good[0] == 2 && driver.plan?.spread == 1)
            #expect(try wait(driver, other) <= .seconds(6), "seed \(seed)")
        }
    }

    @Test func endpointThatGetsASessionOfAHedgedDial_isLookedAtSoon() throws {
        var driver = driver(2)
        run(&driver, seconds: 8, [1: 1, 2: 4])
        let other = try #require(driver.id(2))
        driver.activity[other] = ControlMachine.Activity(sessions: 0, lastReceived: nil)
        run(&driver, seconds: 6, [1: 1, 2: 4])  // the machine has heard that it has none
        try #require(driver.good[0] == 1)
        #expect(try wait(driver, other) > .seconds(6))
        driver.dialWorks(2)
        #expect(driver.good[0] == 1)
        #expect(try wait(driver, other) <= .seconds(6))
    }

    private func wait(_ driver: ControlDriver, _ id: EndpointID) throws -> Duration {
        try #require(driver.machine.health[id]?.nextProbe) - driver.now
    }
}
