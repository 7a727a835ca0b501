import GatewayTesting
import Testing

@testable import Gateway

/// Configured names, and what befalls their addresses.
@Suite struct ControlMachineNamesTests {
    private func driver(_ names: String..., seed: UInt64 = 1) -> ControlDriver {
        var driver = ControlDriver(ControlDriver.options(names: names), seed: seed)
        driver.start()
        return driver
    }

    @Test func start_asksBothFamiliesOfEachName_andNobodyServesYet() {
        let driver = driver("a", "b")
        #expect(driver.questions.count == 4 && driver.plan?.targets.isEmpty == true)
        #expect(!driver.told.contains(.nobodyLeft))
    }

    @Test func namesResolvedOneByOne_joinTogether_soThatTheFirstAnswerIsNotThePick() {
        var firsts: [UInt32: Int] = [:]
        for seed in 0..<2_000 as Range<UInt64> {
            var driver = driver("a", "b", seed: seed)
            driver.resolve("a", 1)
            #expect(driver.all.isEmpty, "seed \(seed)")
            driver.resolve("b", 2)
            firsts[driver.good[0], default: 0] += 1
        }
        #expect(firsts.values.allSatisfy { (900...1_100).contains($0) }, "\(firsts)")
    }

    @Test func slowName_isNotWaitedForLong_andJoinsLater_withoutMovingThePin() {
        var driver = driver("a", "b")
        driver.resolve("a", 1)
        driver.pass(0.199)
        #expect(driver.all.isEmpty)
        driver.pass(0.001)
        #expect(driver.good == [1])
        driver.pass(600)
        driver.resolve("b", 2)
        #expect(driver.good == [1, 2])
    }

    @Test func nameThatDoesNotResolveAtStart_isAskedAgain_andServesOnceItDoes() {
        var driver = driver("a")
        for question in driver.questions { driver.answer(question, .failed("timeout")) }
        #expect(driver.told.filter { if case .discoveryFailing = $0 { true } else { false } }.count == 1)
        driver.pass(2)
        #expect(driver.questions.count == 2)
        driver.resolve("a", 1)
        #expect(driver.good == [1])
        #expect(driver.told.filter { if case .discoveryRecovered = $0 { true } else { false } }.count == 1)
    }

    @Test func whileClientsWait_unresolvedNamesAreAskedEverySecond() {
        var driver = driver("a")
        driver.hold(1)
        var asked = 0
        for _ in 0..<300 {
            asked += driver.questions.count
            for question in driver.questions { driver.answer(question, .failed("timeout")) }
            driver.pass(0.1)
        }
        #expect((50...64).contains(asked), "two questions, thirty seconds: \(asked)")
    }

    @Test func whileNobodyWaits_failingNamesKeepTheirBackoff() {
        var driver = driver("a")
        var asked = 0
        for _ in 0..<3_000 {
            asked += driver.questions.count
            for question in driver.questions { driver.answer(question, .failed("timeout")) }
            driver.pass(0.1)
        }
        #expect(asked < 50, "\(asked) in five minutes")
    }

    @Test func allFail_namesAreAskedAtOnce() {
        var driver = driver("a", "b")
        driver.resolve("a", 1, seconds: 300)
        driver.resolve("b", 2, seconds: 300)
        driver.pass(10)
        driver.dialFails(1)
        #expect(driver.questions.isEmpty)
        driver.dialFails(2)
        #expect(driver.questions.count == 4)
    }

    @Test func movedAddress_isTheSameEndpoint_andServesOnceItIsProven() {
        var driver = driver("a", "b")
        driver.resolve("a", 1)
        driver.resolve("b", 2)
        let first = driver.good[0]
        let (name, id) = (first == 1 ? "a" : "b", driver.id(first))
        driver.pass(70)
        let told = driver.told.count
        driver.resolve(name, 9)
        #expect(
            driver.good == [3 - first, 9] && driver.id(9) != id, "its sessions at the old address keep their number")
        #expect(driver.told.count == told + 1, "new sessions go to the other one")
        driver.probeWorks(9)
        driver.dialFails(3 - first)
        #expect(driver.good == [9])
    }

    @Test func restingEndpointThatMoves_isProbedInItsNewPlaceAtOnce() {
        var driver = driver("a")
        driver.resolve("a", 1)
        driver.dialFails(1)
        driver.probeFails(1)
        driver.pass(66)
        driver.probeFails(1)
        let before = driver.probeCount
        driver.resolve("a", 2)
        #expect(driver.probeCount == before + 1 && driver.all == [2])
        driver.probeWorks(2)
        #expect(driver.good == [2])
    }

    @Test func emptyAndFailedAnswers_keepTheKnownAddresses_forEver() {
        var driver = driver("a")
        driver.resolve("a", 1)
        for round in 0..<200 {
            driver.pass(66)
            for question in driver.questions {
                driver.answer(question, round % 2 == 0 ? .failed("SERVFAIL") : .nothing(timeToLive: .seconds(60)))
            }
        }
        #expect(driver.good == [1])
        #expect(driver.told.count { if case .discoveryFailing = $0 { true } else { false } } == 1)
    }

    @Test func familyThatIsGone_whileTheOtherIsThere_isGone() {
        var driver = driver("a")
        let v6 = IPAddress.v6(1, 1)
        driver.answer(.addresses("a", .v4), .addresses([SocketAddress.host(1).ip], timeToLive: .seconds(60)))
        driver.answer(.addresses("a", .v6), .addresses([v6], timeToLive: .seconds(60)))
        #expect(driver.plan?.targets.first?.addresses.count == 2)
        driver.pass(66)
        driver.answer(.addresses("a", .v4), .nothing(timeToLive: .seconds(60)))
        #expect(driver.plan?.targets.first?.addresses.map(\.ip) == [v6])
        driver.answer(.addresses("a", .v6), .nothing(timeToLive: .seconds(60)))
        #expect(driver.plan?.targets.first?.addresses.count == 2, "both say none: the last good ones stay")
    }

    @Test func rotatedRecords_publishNothing() {
        var driver = driver("a")
        driver.resolve("a", 1, 2, 3)
        let count = driver.plans.count
        for hosts in [[2, 3, 1], [3, 1, 2]] as [[UInt32]] {
            driver.pass(66)
            driver.answer(
                .addresses("a", .v4), .addresses(hosts.map { SocketAddress.host($0).ip }, timeToLive: .seconds(60)))
        }
        #expect(driver.plans.count == count)
    }

    @Test func veryManyAddresses_areCut() {
        var driver = driver("a")
        let many = (1...100 as ClosedRange<UInt32>).map { SocketAddress.host($0).ip }
        driver.answer(.addresses("a", .v4), .addresses(many, timeToLive: .seconds(60)))
        #expect(driver.plan?.targets.first?.addresses.count == 16)
    }

    @Test func familyThatThisMachineLacks_isNotDialed_unlessThereIsNoOther() {
        var driver = driver("a", "b")
        driver.readLocalAddresses(LoopGuard(localAddresses: [.v4(0x7F00_0001)]))
        let v6 = IPAddress.v6(1, 1)
        driver.resolve("a", 1)
        driver.pass(66)
        driver.answer(.addresses("a", .v6), .addresses([v6], timeToLive: .seconds(60)))
        driver.answer(.addresses("b", .v6), .addresses([v6], timeToLive: .seconds(60)))
        #expect(Set(driver.plan?.targets.map { $0.addresses.map(\.ip) } ?? []) == [[SocketAddress.host(1).ip], [v6]])
    }

    @Test func anotherNameService_isAskedAtOnce() {
        var driver = driver("a")
        driver.resolve("a", 1, seconds: 300)
        driver.changeNameService()
        #expect(driver.questions.count == 2)
    }

    /// Any order of answers to two names gives the same set in the end.
    @Test func anyOrderOfAnswers_endsInTheSameSet() {
        for seed in 0..<300 as Range<UInt64> {
            var driver = driver("a", "b", "c", seed: seed)
            var generator = SeededGenerator(seed: seed)
            for question in driver.questions.shuffled(using: &generator) {
                driver.pass(Double(Int.random(in: 0...150, using: &generator)) / 1_000)
                guard case .addresses(let name, .v4) = question, let byte = name.utf8.first else {
                    driver.answer(question, .nothing(timeToLive: nil))
                    continue
                }
                driver.answer(question, .addresses([SocketAddress.host(UInt32(byte)).ip], timeToLive: .seconds(60)))
            }
            driver.pass(0.2)
            #expect(driver.good.sorted() == [97, 98, 99], "seed \(seed)")
        }
    }
}
