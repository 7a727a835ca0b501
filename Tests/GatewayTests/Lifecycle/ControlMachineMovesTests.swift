import GatewayTesting
import Testing

@testable import Gateway

/// Hosts that move while sessions are open at their old addresses.
@Suite struct ControlMachineMovesTests {
    private static let session = ControlMachine.Activity(sessions: 1, lastReceived: nil)

    /// Two names, `a` at host 1 with a session, `b` at host 2; then `a` moves to host 3.
    private func moved(seed: UInt64 = 1) throws -> (driver: ControlDriver, old: EndpointID, new: EndpointID) {
        var driver = ControlDriver(ControlDriver.options(names: ["a", "b"]), seed: seed)
        driver.start()
        driver.resolve("a", 1)
        driver.resolve("b", 2)
        driver.dialWorks(1)
        driver.dialWorks(2)
        let old = try #require(driver.id(1))
        driver.activity[old] = Self.session
        driver.pass(66)
        driver.resolve("a", 3)
        return (driver, old, try #require(driver.id(3)))
    }

    @Test func oldPlaceThatIsDead_losesItsSessions_theNewOneNone_andTheLogIsSilent() throws {
        var (driver, old, new) = try moved()
        let told = driver.told.count
        driver.suspect(old)
        driver.probeFails(1, .timedOut)
        driver.probeFails(1, .timedOut)
        #expect(driver.resets.isEmpty, "nobody else is proven good yet")
        driver.pass(0.01)
        for id in driver.probes { driver.probeEnds(id, .connected, at: id == new ? 3 : 2) }
        #expect(driver.resets == [old: .dead])
        #expect(driver.good.sorted() == [2, 3] && driver.told.count == told)
    }

    @Test func oldPlaceThatLives_keepsItsSessions_andIsForgottenAfterTheLast() throws {
        var (driver, old, _) = try moved()
        driver.suspect(old)
        driver.probeWorks(1)
        driver.pass(300)
        #expect(driver.resets.isEmpty && driver.machine.endpoints.former[old] != nil)
        driver.activity[old] = ControlMachine.Activity(sessions: 0, lastReceived: nil)
        driver.pass(31)
        #expect(driver.machine.endpoints.former.isEmpty && driver.machine.health[old] == nil)
        #expect(driver.resets.isEmpty)
    }

    @Test func hostThatComesBack_hasItsOldNumberAgain() throws {
        var (driver, old, new) = try moved()
        driver.pass(66)
        driver.resolve("a", 1)
        #expect(driver.machine.endpoints.all.contains { $0.id == old } && driver.good.sorted() == [1, 2])
        #expect(driver.machine.endpoints.former.keys.sorted() == [new])
        driver.pass(40)
        #expect(driver.machine.endpoints.former.isEmpty, "nobody was there")
    }

    @Test func hostThatOnlyGainsAnAddress_orLosesOne_hasNotMoved() throws {
        var (driver, _, new) = try moved()
        for hosts in [[3, 4], [4], [4, 5], [5]] as [[UInt32]] {
            driver.pass(66)
            driver.answer(
                .addresses("a", .v4), .addresses(hosts.map { SocketAddress.host($0).ip }, timeToLive: .seconds(60)))
            driver.answer(.addresses("a", .v6), .nothing(timeToLive: .seconds(60)))
            #expect(driver.id(hosts[0]) == new)
        }
    }

    /// The first address that is proven moves it; the answer about the second one is still to the old number.
    @Test func hostThatMovesToTwoAddresses_isDialedAtBoth_whereBothAreProven() throws {
        var options = ControlDriver.discovery(requiresTLS: true)
        options.verification = .target
        var driver = ControlDriver(options)
        driver.start()
        driver.list(["a"])
        driver.resolve("a.", 1)
        driver.proves(1)
        driver.dialWorks(1)
        driver.activity[try #require(driver.id(1))] = Self.session
        driver.pass(66)
        driver.list(["a"])
        driver.resolve("a.", 3, 4)
        driver.proves(3)
        #expect(driver.good == [3])
        driver.proves(4)
        #expect(driver.plan?.targets.first?.addresses == [.host(3), .host(4)])
    }

    /// Its sessions stay with the old place, whose addresses are asked about them.
    @Test func restartAfterAMove_keepsThePlacesApart() throws {
        let (driver, old, new) = try moved()
        var next = ControlDriver(ControlDriver.options(names: ["a", "b"]))
        next.activity[old] = Self.session
        next.start(inheriting: driver.machine.handover(at: driver.now))
        next.resolve("a", 3)
        next.resolve("b", 2)
        #expect(next.id(3) == new && next.id(1) == old)
        #expect(next.machine.endpoints.former.keys.sorted() == [old])
    }

    @Test func hostThatMovesForEver_leavesABoundedNumberOfPlaces() throws {
        var (driver, _, _) = try moved()
        for round in 0..<200 as Range<UInt32> {
            driver.pass(66)
            driver.resolve("a", 10 + round)
            let id = try #require(driver.id(10 + round))
            driver.activity[id] = Self.session
        }
        #expect(driver.machine.endpoints.former.count == ControlMachine.formerPlacesAtMost)
        #expect(driver.good.sorted() == [2, 209])
    }

    @Test func endpointThatIsRemoved_takesItsFormerPlacesAlong() throws {
        var driver = ControlDriver(ControlDriver.discovery())
        driver.start()
        driver.list(["a", "b"])
        driver.list([], secure: false)
        driver.resolve("a.", 1)
        driver.resolve("b.", 2)
        let old = try #require(driver.id(1))
        driver.activity[old] = Self.session
        driver.pass(66)
        driver.resolve("a.", 3)
        let new = try #require(driver.id(3))
        for _ in 0..<3 {
            driver.list(["b"])
            driver.pass(70)
        }
        #expect(driver.resets == [old: .removed, new: .removed])
        #expect(driver.machine.health.count == 1 && driver.machine.endpoints.former.isEmpty)
    }
}
