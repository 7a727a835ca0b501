import GatewayTesting
import Testing

@testable import Gateway

/// `--rebalance`: who has too much after somebody came back gives some away, at a bounded pace.
@Suite struct ControlMachineRebalanceTests {
    /// Hosts that all work and whose probes are answered, with so many sessions each.
    private func driver(
        _ sessions: [UInt64], priorities: [UInt16] = [], weights: [UInt16] = [], policy: Policy = .roundRobin,
        perMinute: Int = 60
    ) -> ControlDriver {
        var driver = ControlDriver(
            addresses: sessions.count, priorities: priorities, weights: weights, policy: policy, rebalance: perMinute)
        driver.start()
        for host in 1...UInt32(sessions.count) { driver.dialWorks(host) }
        hold(&driver, sessions)
        return driver
    }

    private func hold(_ driver: inout ControlDriver, _ sessions: [UInt64]) {
        for (index, count) in sessions.enumerated() {
            guard let id = driver.id(UInt32(index) + 1) else { continue }
            driver.activity[id] = ControlMachine.Activity(sessions: count, lastReceived: nil)
        }
    }

    /// Passes seconds; sessions that are reset come back where the fewest are for their weight.
    private func run(_ driver: inout ControlDriver, seconds: Int) {
        for _ in 0..<seconds {
            driver.resets = [:]
            driver.pass(1)
            for (id, reason) in driver.resets {
                guard case .misplaced(let count) = reason, let plan = driver.plan else { continue }
                driver.activity[id]?.sessions -= UInt64(count)
                let few = plan.targets.prefix(plan.spread).min { load(driver, $0) < load(driver, $1) }?.endpoint
                if let few { driver.activity[few]?.sessions += UInt64(count) }
            }
        }
    }

    private func load(_ driver: ControlDriver, _ target: DialPlan.Target) -> Double {
        Double(driver.activity[target.endpoint]?.sessions ?? 0) / Double(target.weight)
    }

    private func fail(_ driver: inout ControlDriver, _ host: UInt32) {
        driver.dialFails(host)
        driver.probeFails(host)
    }

    private func sessions(_ driver: ControlDriver) -> [UInt64] {
        driver.machine.endpoints.all.map { driver.activity[$0.id]?.sessions ?? 0 }
    }

    @Test func returnedEndpoint_getsItsShare_atThePace_afterItHasSettled() {
        var driver = driver([100, 100, 100])
        fail(&driver, 3)
        hold(&driver, [150, 150, 0])
        run(&driver, seconds: 60)
        #expect(sessions(driver) == [150, 150, 0], "nobody returned")
        driver.dialWorks(3)
        run(&driver, seconds: 9)
        #expect(sessions(driver) == [150, 150, 0], "it must prove itself first")
        run(&driver, seconds: 30)
        #expect((28...31).contains(sessions(driver)[2]), "one a second: \(sessions(driver))")
        run(&driver, seconds: 120)
        #expect(sessions(driver).allSatisfy { (80...110).contains($0) }, "\(sessions(driver))")
        let before = sessions(driver)
        run(&driver, seconds: 300)
        #expect(sessions(driver) == before && driver.machine.nextDeadline == nil, "and it ends")
        #expect(driver.told.contains { if case .rebalanced(let moved) = $0 { moved > 60 } else { false } })
    }

    @Test(arguments: [(30, 30), (90, 90), (600, 600)])
    func pace_isWhatWasSet(perMinute: Int, moved: UInt64) {
        var driver = driver([2000, 2000], perMinute: perMinute)
        fail(&driver, 2)
        hold(&driver, [4000, 0])
        driver.dialWorks(2)
        run(&driver, seconds: 11)
        let before = sessions(driver)[1]
        run(&driver, seconds: 60)
        #expect(sessions(driver)[1] - before >= moved - 1 && sessions(driver)[1] - before <= moved + 1)
    }

    @Test func betterTierThatReturns_takesAllBack() {
        for policy in Policy.allCases {
            var driver = driver([20, 0], priorities: [0, 1], policy: policy, perMinute: 600)
            fail(&driver, 1)
            hold(&driver, [0, 20])
            driver.dialWorks(1)
            run(&driver, seconds: 20)
            #expect(sessions(driver) == [20, 0], "\(policy)")
        }
    }

    /// The process before had begun; whoever was not moved yet is not forgotten.
    @Test func restart_goesOnWithIt() throws {
        var before = driver([20, 0], priorities: [0, 1], perMinute: 600)
        fail(&before, 1)
        hold(&before, [0, 20])
        before.dialWorks(1)
        before.pass(5)
        var next = ControlDriver(addresses: 2, priorities: [0, 1], policy: .roundRobin, rebalance: 600)
        hold(&next, [0, 0])
        next.start(inheriting: before.machine.handover(at: before.now))
        hold(&next, [0, 20])
        for host in [1, 2] as [UInt32] { next.dialWorks(host) }
        run(&next, seconds: 30)
        #expect(sessions(next) == [20, 0])
    }

    @Test func pinned_leavesSessionsWhereTheyAre_inATier() {
        var driver = driver([10, 10], policy: .pinned)
        let first = driver.good[0]
        fail(&driver, first)
        driver.dialWorks(first)
        run(&driver, seconds: 60)
        #expect(sessions(driver) == [10, 10])
    }

    @Test func weights_areShares() {
        var driver = driver([0, 0], weights: [3, 1], policy: .weighted, perMinute: 6000)
        fail(&driver, 1)
        hold(&driver, [0, 400])
        driver.dialWorks(1)
        run(&driver, seconds: 11)
        for _ in 0..<100 { run(&driver, seconds: 1) }
        #expect(sessions(driver)[1] <= 110, "its share is 100: \(sessions(driver))")
    }

    @Test func withoutTheSetting_nobodyIsMoved_norWithAnEvenSpread() {
        var off = driver([100, 100], perMinute: 0)
        var even = driver([100, 100])
        for _ in 0..<2 {
            fail(&off, 2)
            off.dialWorks(2)
            fail(&even, 2)
            even.dialWorks(2)
        }
        hold(&off, [200, 0])
        run(&off, seconds: 60)
        run(&even, seconds: 60)
        #expect(sessions(off) == [200, 0] && sessions(even) == [100, 100])
        #expect(off.machine.nextDeadline == nil && even.machine.nextDeadline == nil)
    }
}
