import GatewayTesting
import Testing

@testable import Gateway

/// Other settings under a running gateway: what differs is carried out, and nothing else.
@Suite struct ControlMachineReloadTests {
    private func addresses(_ hosts: UInt32...) -> ControlOptions {
        ControlDriver.options(hosts.map { StaticEndpoint(host: .address(SocketAddress.host($0).ip)) })
    }

    private func discovery(_ domain: String, fallback: UInt32? = nil) -> ControlOptions {
        var options = fallback.map { addresses($0) } ?? ControlDriver.options([])
        options.discovery = DiscoverySource(domain: domain, suffix: nil, isInsecure: false, requiresTLS: false)
        return options
    }

    private func question(_ domain: String, secure: Bool = true) -> Question {
        .services("_etcd-client\(secure ? "-ssl" : "")._tcp.\(domain)")
    }

    private func records(_ targets: String...) -> Answer {
        .services(
            targets.map { ServiceRecord(priority: 0, weight: 1, port: 2379, target: $0) }, timeToLive: .seconds(60))
    }

    /// Discovery of `x` has named `a`, host 1.
    private func discovered() -> ControlDriver {
        var driver = ControlDriver(discovery("x"))
        driver.start()
        driver.answer(question("x"), records("a"))
        driver.answer(question("x", secure: false), .nothing(timeToLive: nil))
        driver.resolve("a.", 1)
        return driver
    }

    private func key(_ host: UInt32) -> EndpointKey {
        EndpointKey(host: .address(SocketAddress.host(host).ip), port: 2379)
    }

    private func presence(_ driver: ControlDriver, _ host: UInt32) -> EndpointSet.Presence? {
        driver.machine.endpoints[key(host)]?.presence
    }

    @Test func sameSettings_changeNothing() {
        var driver = ControlDriver(addresses(1, 2))
        driver.start()
        driver.dialFails(1)
        let (plans, told, deadline) = (driver.plans, driver.told, driver.machine.nextDeadline)
        driver.reload(addresses(1, 2))
        #expect(driver.plans == plans && driver.told == told && driver.machine.nextDeadline == deadline)
    }

    @Test func endpointThatStays_keepsItsNumber_itsHealth_andThePin() throws {
        var driver = ControlDriver(addresses(1, 2, 3))
        driver.start()
        let pinned = try #require(driver.good.first)
        let others = [1, 2, 3].filter { $0 != pinned }
        driver.dialFails(others[0])
        driver.probeFails(others[0])
        let before = driver.machine.health
        driver.reload(addresses(pinned, others[0], 9))
        #expect(driver.good.first == pinned, "the pinned choice holds")
        #expect(Set(driver.all) == [pinned, others[0], 9])
        for host in [pinned, others[0]] {
            let id = try #require(driver.id(host))
            #expect(driver.machine.health[id]?.state == before[id]?.state)
        }
        #expect(driver.resets.isEmpty)
    }

    @Test func endpointThatIsWrittenDownNoMore_drainsAtOnce_withTheGrace_andItsNameIsForgotten() {
        var driver = ControlDriver(ControlDriver.options(names: ["a", "b"]))
        driver.start()
        driver.resolve("a", 1)
        driver.resolve("b", 2)
        driver.reload(ControlDriver.options(names: ["b"]))
        #expect(driver.all == [2])
        #expect(driver.told.contains { if case .endpointDraining(_, .seconds(30)) = $0 { true } else { false } })
        let id = driver.machine.endpoints.all.first { $0.presence != .present }?.id
        driver.pass(29)
        #expect(driver.resets.isEmpty)
        driver.pass(2)
        #expect(id.map { driver.resets[$0] } == .removed)
        #expect(driver.machine.names.count == 2, "only those of b")
        #expect(driver.machine.endpoints.all.count == 1)
    }

    @Test func endpointThatIsWrittenDownAgain_isAsBefore() throws {
        var driver = ControlDriver(addresses(1, 2))
        driver.start()
        let id = try #require(driver.id(1))
        driver.reload(addresses(2))
        driver.pass(10)
        driver.reload(addresses(1, 2))
        driver.pass(60)
        #expect(driver.id(1) == id && Set(driver.good) == [1, 2] && driver.resets.isEmpty)
    }

    @Test func newEndpoints_thatHaveNoAddressYet_leaveTheOldOnesServing() {
        var driver = ControlDriver(addresses(1))
        driver.start()
        driver.reload(ControlDriver.options(names: ["b"]))
        driver.answer(.addresses("b", .v4), .failed("SERVFAIL"))
        driver.answer(.addresses("b", .v6), .failed("SERVFAIL"))
        driver.pass(20)
        #expect(driver.all == [1], "a name server that is down is no outage")
        driver.resolve("b", 2)
        #expect(driver.all == [2])
    }

    @Test func shortGrace_holdsForWhatIsRemovedFromThenOn() throws {
        var options = addresses(1, 2)
        options.removalGrace = .seconds(1)
        var driver = ControlDriver(addresses(1, 2, 3))
        driver.start()
        let id = try #require(driver.id(3))
        driver.reload(options)
        driver.pass(1.5)
        #expect(driver.resets == [id: .removed])
    }

    /// A dial that was under way when the endpoint was forgotten may still end there.
    @Test func sessionsThatBeginLate_whereNobodyIsAnyMore_areResetToo_once() throws {
        var options = addresses(1, 2)
        options.removalGrace = .zero
        var driver = ControlDriver(addresses(1, 2, 3))
        driver.start()
        let id = try #require(driver.id(3))
        driver.reload(options)
        driver.pass(0.5)
        #expect(driver.machine.endpoints[id] == nil && driver.resets == [id: .removed])
        driver.resets = [:]
        driver.pass(4)
        #expect(driver.resets.isEmpty)
        driver.pass(1)
        #expect(driver.resets == [id: .removed])
        driver.resets = [:]
        driver.pass(60)
        #expect(driver.resets.isEmpty)
    }

    @Test func weightAndTier_areNoOtherEndpoint() {
        var driver = ControlDriver(addresses(1, 2))
        driver.start()
        let before = driver.machine.endpoints.all.map(\.id)
        let tiers = [(1, 1), (2, 0)].map { host, tier in
            StaticEndpoint(host: .address(SocketAddress.host(UInt32(host)).ip), weight: 7, priority: UInt16(tier))
        }
        driver.reload(ControlDriver.options(tiers))
        #expect(driver.good == [2, 1] && driver.machine.endpoints.all.map(\.id) == before)
        #expect(driver.plan?.targets.map(\.weight) == [7, 7])
    }

    // Discovery.

    @Test func otherDomain_oldEndpointsServeUntilItHasAnswered_andDrainThen() {
        var driver = discovered()
        driver.reload(discovery("y"))
        #expect(driver.questions.contains(question("y")) && driver.all == [1])
        driver.pass(10)
        #expect(driver.all == [1] && driver.told.allSatisfy { $0 != .nobodyLeft })
        driver.answer(question("y"), records("b"))
        #expect(driver.all == [1], "half of an answer is none")
        driver.answer(question("y", secure: false), .nothing(timeToLive: nil))
        #expect(driver.all == [1], "the new one has no address yet")
        driver.resolve("b.", 2)
        #expect(driver.all == [2])
        driver.pass(31)
        #expect(driver.machine.endpoints.all.count == 1 && driver.resets.values.map { $0 } == [.removed])
        #expect(driver.machine.names[question("x")] == nil)
    }

    @Test func otherDomain_thatDoesNotExist_isNoOutage() {
        var driver = discovered()
        driver.reload(discovery("y"))
        for _ in 0..<3 {
            driver.answer(question("y"), .nothing(timeToLive: .seconds(5)))
            driver.answer(question("y", secure: false), .nothing(timeToLive: .seconds(5)))
            driver.pass(10)
        }
        #expect(driver.all == [1])
        #expect(driver.told.contains { if case .discoveryFailing = $0 { true } else { false } })
        driver.reload(discovery("x"))
        driver.answer(question("x"), records("a"))
        driver.answer(question("x", secure: false), .nothing(timeToLive: nil))
        driver.pass(60)
        #expect(driver.all == [1] && driver.resets.isEmpty, "and the way back costs nothing")
    }

    @Test func otherDomain_thatDoesNotExist_withConfiguredEndpoints_thoseServe() {
        var driver = discovered()
        driver.reload(discovery("y", fallback: 7))
        driver.answer(question("y"), .nothing(timeToLive: nil))
        driver.answer(question("y", secure: false), .nothing(timeToLive: nil))
        #expect(driver.all == [7] && driver.told.contains(.usingConfiguredEndpoints))
    }

    @Test func fromDiscovery_toWrittenEndpoints_andBack() {
        var driver = discovered()
        driver.reload(addresses(5))
        #expect(driver.all == [5] && driver.machine.names[question("x")] == nil)
        driver.reload(discovery("x"))
        #expect(driver.all == [5], "until DNS has answered")
        driver.answer(question("x"), records("a"))
        driver.answer(question("x", secure: false), .nothing(timeToLive: nil))
        driver.resolve("a.", 1)
        #expect(driver.all == [1])
    }

    @Test func fallback_thatServes_isReplacedAtOnce() {
        var driver = ControlDriver(discovery("x", fallback: 1))
        driver.start()
        driver.answer(question("x"), .nothing(timeToLive: nil))
        driver.answer(question("x", secure: false), .nothing(timeToLive: nil))
        #expect(driver.all == [1])
        driver.reload(discovery("x", fallback: 2))
        #expect(driver.all == [2])
    }

    @Test func endpointsOfTheOldDomain_areNotKeptForTheNewOne() {
        var driver = discovered()
        driver.pass(5)
        driver.reload(discovery("y"))
        driver.pass(30)
        #expect(driver.machine.unsavedSet == nil)
    }

    // The other options.

    @Test func timing_holdsForTheNextClient() {
        var options = addresses(1)
        var driver = ControlDriver(options)
        driver.start()
        options.timing.dialTimeout = .seconds(3)
        options.policy = .roundRobin
        driver.reload(options)
        #expect(driver.plan?.timing.dialTimeout == .seconds(3) && driver.plan?.policy == .roundRobin)
    }

    @Test func shorterRetryDelay_bringsTheNextProbeForward() {
        var options = addresses(1, 2)
        options.retryDelay = .seconds(3600)
        var driver = ControlDriver(options)
        driver.start()
        for _ in 0..<20 {
            driver.dialFails(1)
            driver.probeFails(1)
            driver.pass(600)
        }
        let probes = driver.probeCount
        driver.probeFails(1)
        options.retryDelay = .seconds(1)
        driver.reload(options)
        driver.pass(1)
        #expect(driver.probeCount > probes, "within the new second")
    }

    @Test func healthInterval_isPlannedAnew() {
        var options = addresses(1)
        var driver = ControlDriver(options)
        driver.start()
        driver.dialWorks(1)
        driver.pass(3)  // until the good set is saved
        #expect(driver.machine.nextDeadline == nil)
        options.healthInterval = .seconds(3600)
        driver.reload(options)
        options.healthInterval = .seconds(5)
        driver.reload(options)
        driver.pass(6.5)
        #expect(driver.probes.count == 1, "not within the old hour")
        driver.probeWorks(1)
        options.healthInterval = nil
        driver.reload(options)
        #expect(driver.machine.nextDeadline == nil)
    }

    @Test func healthCheck_changesTheKind_andKeepsTheBelief() throws {
        var options = addresses(1, 2)
        options.healthCheck = .auto
        var driver = ControlDriver(options)
        driver.start()
        let id = try #require(driver.id(1))
        driver.dialFails(1)
        driver.probeFails(1)
        options.healthCheck = .tls
        driver.reload(options)
        #expect(driver.machine.health[id]?.isGood == false)
        #expect(driver.machine.health[id]?.ladder.strongest == .tls)
    }

    @Test func certificateFiles_thatAppear_leaveWhatWasLearned() {
        var ladder = ProbeLadder(.init(check: .auto, hasTLSFiles: false))
        _ = ladder.probeEnded(.tls, .tlsAnswered, at: .zero)
        ladder.reconfigured(.init(check: .auto, hasTLSFiles: true))
        #expect(ladder.strongest == .tls && ladder.candidates == [.https])
        _ = ladder.probeEnded(.https, .http(.healthy), at: .zero)
        ladder.reconfigured(.init(check: .auto, hasTLSFiles: false))
        #expect(ladder.strongest == .tls, "https cannot be asked any more")
    }

    @Test func rebalance_thatIsWantedFromNowOn_beginsAndEnds() throws {
        var options = addresses(1, 2)
        options.policy = .roundRobin
        var driver = ControlDriver(options)
        driver.start()
        driver.dialWorks(1)
        driver.dialWorks(2)
        let id = try #require(driver.id(1))
        driver.activity = [id: .init(sessions: 100, lastReceived: nil)]
        driver.pass(60)
        #expect(driver.resets.isEmpty)
        options.rebalance = 60
        driver.reload(options)
        driver.pass(12)
        #expect(driver.resets[id] == .misplaced(1))
        options.rebalance = 0
        driver.reload(options)
        driver.resets = [:]
        driver.pass(60)
        #expect(driver.resets.isEmpty)
    }

    @Test func shorterMaximumTTL_holdsForAnswersThatAreThere() {
        var options = ControlDriver.options(names: ["a"])
        options.names = NameWatch.Timing(minimumTTL: .seconds(1), maximumTTL: .seconds(3000))
        var driver = ControlDriver(options)
        driver.start()
        driver.resolve("a", 1, seconds: 3000)
        options.names.maximumTTL = .seconds(5)
        driver.reload(options)
        driver.pass(5.5)
        #expect(driver.questions.contains(.addresses("a", .v4)))
    }

    @Test func removedAddressOfAnAdministrator_thatWasMissing_goesAsWell() {
        var driver = discovered()
        driver.answer(question("x"), records("b"))
        driver.reload(addresses(5))
        driver.pass(31)
        #expect(driver.machine.endpoints.all.map(\.declaration.key) == [key(5)])
    }
}
