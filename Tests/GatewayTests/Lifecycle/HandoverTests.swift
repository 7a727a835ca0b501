import GatewayTesting
import Testing

@testable import Gateway

/// What a process leaves to the next one.
@Suite struct HandoverTests {
    private static let session = ControlMachine.Activity(sessions: 1, lastReceived: nil)

    /// The same machine in the next process, which has not decided anything yet.
    private func next(_ driver: ControlDriver, seed: UInt64 = 77) throws -> (ControlDriver, Handover) {
        let handover = try #require(Handover(parsing: driver.machine.handover.text))
        #expect(handover == driver.machine.handover)
        var next = ControlDriver(driver.machine.options, seed: seed)
        next.activity = driver.activity
        next.now = driver.now + .seconds(1)
        return (next, handover)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func endpoints_keepTheirNumbers_andWhoServedServes(seed: UInt64) throws {
        var driver = ControlDriver(addresses: 5, seed: seed)
        driver.start()
        let numbers = (1...5).map { driver.id($0) }
        let first = try #require(driver.plans.last?.targets.first)
        var (next, handover) = try next(driver, seed: seed + 1000)
        next.start(inheriting: handover)
        #expect((1...5).map { next.id($0) } == numbers)
        #expect(next.plans.last?.targets.first?.endpoint == first.endpoint)
        next.pass(120)
        #expect(next.machine.endpoints.former.isEmpty)
        #expect((1...5).map { next.id($0) } == numbers)
    }

    @Test func endpointThatWasDown_isDownForTheNextToo_untilAProbeSaysElse() throws {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        driver.dialFails(1)
        #expect(driver.good == [2])
        var (next, handover) = try next(driver)
        next.start(inheriting: handover)
        #expect(next.good == [2])
        next.probeWorks(1)
        #expect(next.good.sorted() == [1, 2])
    }

    @Test func endpointsThatAreNotDeclaredAnyMore_areLookedAfter_untilTheirSessionsEnd() throws {
        var driver = ControlDriver(addresses: 3)
        driver.start()
        let old = try #require(driver.id(3))
        driver.activity[old] = Self.session
        let (_, handover) = try next(driver)
        var after = ControlDriver(addresses: 2)
        after.activity[old] = Self.session
        after.now = driver.now
        after.start(inheriting: handover)
        #expect(after.machine.endpoints.former[old] != nil)
        #expect(after.plans.last?.targets.contains { $0.endpoint == old } == false)
        after.pass(100)
        #expect(after.machine.health[old] != nil)
        after.activity[old] = ControlMachine.Activity(sessions: 0, lastReceived: nil)
        after.pass(40)
        #expect(after.machine.health[old] == nil)
    }

    @Test func newEndpoint_getsNoNumberThatASessionHas() throws {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        let places = [EndpointID(slot: 0): SocketAddress.host(9), EndpointID(slot: 5): SocketAddress.host(8)]
        var after = ControlDriver(addresses: 2)
        after.start(inheriting: Handover(source: after.machine.options.rememberedSource, found: places))
        let numbers = (1...2).compactMap { after.id($0) }
        #expect(numbers.count == 2 && Set(numbers).isDisjoint(with: places.keys))
    }

    @Test func namesWithoutDNS_serveFromWhatWasLeft() throws {
        var driver = ControlDriver(ControlDriver.discovery())
        driver.start()
        driver.list(["a", "b"])
        driver.resolve("a.", 1)
        driver.resolve("b.", 2)
        #expect(driver.good.sorted() == [1, 2])
        var (next, handover) = try next(driver)
        next.start(inheriting: handover)
        #expect(next.good.sorted() == [1, 2])
    }

    @Test func placeOfSessionsThatNobodyToldOf_isNotDialed_whereOthersAreKnown() throws {
        var driver = ControlDriver(ControlDriver.discovery())
        driver.start()
        driver.list(["a"])
        driver.resolve("a.", 1)
        var (after, handover) = try next(driver)
        // Those of a removed endpoint, when the process was replaced before all of them had ended.
        after.start(inheriting: handover.completed(by: [EndpointID(slot: 9): .host(4)]))
        #expect(after.good == [1])
        #expect(after.machine.endpoints.all.map(\.declaration.key.description) == ["a:2379"])
        #expect(after.machine.health[EndpointID(slot: 9)] != nil, "its sessions go on")
    }

    @Test func sessionsThatNobodyToldOf_haveAPlace() {
        let handover = Handover(source: "endpoints", entries: [])
        let completed = handover.completed(by: [EndpointID(slot: 3): .host(4)])
        #expect(completed.entries.map(\.id.slot) == [3])
        #expect(completed.entries.first?.addresses == [.host(4)])
    }

    @Test func textOfManyEndpoints_staysWithinItsLimit_andIsStillOne() throws {
        let places = (0..<1024).map { (EndpointID(slot: $0), SocketAddress.host($0 + 1)) }
        var handover = Handover(source: "discovery example.com", found: Dictionary(uniqueKeysWithValues: places))
        for index in handover.entries.indices {
            handover.entries[index].addresses = (0..<16).map { SocketAddress.host(UInt32(index) * 16 + $0 + 1) }
        }
        #expect(handover.text.utf8.count <= Handover.longestText)
        let read = try #require(Handover(parsing: handover.text))
        #expect(read.entries.count > 100 && read.entries[...] == handover.entries.prefix(read.entries.count))
    }

    @Test func foreignText_isNone() {
        #expect(Handover(parsing: "") == nil)
        #expect(Handover(parsing: "etcd-gateway-handover 2\nsource endpoints\n") == nil)
        #expect(Handover(parsing: "etcd-gateway-handover 1\nendpoints\n") == nil)
    }

    @Test func wrongLines_areNotBelieved_othersAre() throws {
        let text = """
            etcd-gateway-handover 1
            source endpoints
            pinned 70000
            something new
            endpoint 1024 good a 2379 configured unknown 0 1 10.0.0.1:2379
            endpoint 1 good a 2379 configured unknown 0 1 10.0.0.1
            endpoint 1 good a 0 configured unknown 0 1 10.0.0.1:2379
            endpoint 2 fair a 2379 configured unknown 0 1 10.0.0.1:2379
            endpoint 3 good a 2379 configured unknown 0 1
            endpoint 4 bad a 2379 configured unknown 0 1 10.0.0.1:2379
            endpoint 4 good b 2379 configured unknown 0 1 10.0.0.2:2379

            """
        let read = try #require(Handover(parsing: text))
        #expect(read.entries.map(\.id.slot) == [4] && read.entries.first?.isGood == false && read.pinned == nil)
    }

    @Test(arguments: 0..<2000 as Range<UInt64>)
    func anyText_isReadOrRefused(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var text = ControlMachine(options: ControlDriver(addresses: 3).machine.options).handover.text
        text += "endpoint 4 bad a 2379 configured unknown 0 1 10.0.0.1:2379\npinned 4\n"
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...8, using: &generator) {
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
        }
        guard let read = Handover(parsing: String(decoding: bytes, as: UTF8.self)) else { return }
        #expect(Handover(parsing: read.text) == read)
    }
}
