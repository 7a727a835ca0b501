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

    @Test func endpointThatIsOutOfService_staysSo_withTheTimeThatWasLeft() throws {
        var driver = ControlDriver(addresses: 3)
        driver.start()
        for host in 1...3 as ClosedRange<UInt32> { driver.dialWorks(host) }
        let first = try #require(driver.good.first)
        let key = try #require(driver.id(first).flatMap { driver.machine.endpoints[$0]?.declaration.key })
        #expect(driver.drain(key, within: .seconds(30)) == .takenOut)
        driver.pass(10)
        let text = driver.machine.handover(at: driver.now).text
        let handover = try #require(Handover(parsing: text))
        #expect(handover.drained == [.init(key: key, grace: 30_000, left: 20_000)])
        var next = ControlDriver(driver.machine.options, seed: 78)
        next.now = driver.now
        let id = try #require(driver.id(first))
        next.activity[id] = Self.session
        next.start(inheriting: handover)
        #expect(next.machine.drainedEndpoints == [key])
        #expect(!next.good.contains(first) && next.good.count == 2)
        next.pass(19)
        #expect(next.resets.isEmpty)
        next.pass(2)
        #expect(next.resets == [id: .drained])
    }

    /// One that DNS does not name yet: nothing is due for it, and nobody wakes up for it.
    @Test func endpointOutOfServiceThatIsNotKnownYet_keepsNobodyAwake() throws {
        var driver = ControlDriver(addresses: 2)
        var handover = Handover(source: driver.machine.options.rememberedSource, entries: [])
        let key = EndpointKey(host: .address(SocketAddress.host(9).ip), port: 2379)
        handover.drained = [.init(key: key, grace: 1000, left: 0)]
        driver.start(inheriting: handover)
        driver.dialWorks(1)
        driver.pass(60)
        #expect(driver.resets.isEmpty && driver.machine.drainedEndpoints.isEmpty)
        #expect(driver.machine.nextDeadline.map { $0 > driver.now } ?? true)
    }

    /// A text of the first version, which knew of endpoints only; and what a later one may add to ours.
    @Test func textOfAnotherVersion_isReadAsFarAsItIsKnown() throws {
        let old = """
            etcd-gateway-handover 1
            source endpoints
            pinned 4
            endpoint 4 bad a 2379 configured unknown 0 1 10.0.0.1:2379

            """
        let read = try #require(Handover(parsing: old))
        #expect(read.entries.count == 1 && read.drained.isEmpty && read.totals == Totals())
        #expect(read.text == old + read.totals.lines.joined())
        let later =
            old + """
                drained a 2379 1000 500
                drained b 2379 1000 500 new
                drained a 2379 7 7
                count accepted 12
                count something/new 7
                traffic a 2379 1 2 3 4 5 6 7 8 9
                traffic b 2379 1 2 3
                dials a 2379 5 1 2
                times 1 2 3
                count accepted 13
                count lost 99999999999999999999

                """
        let new = try #require(Handover(parsing: later))
        #expect(new.drained.map(\.grace) == [1000] && new.entries == read.entries)
        #expect(new.totals["accepted"] == 12 && new.totals["lost"] == 0 && new.totals["something/new"] == 7)
        #expect(new.totals.traffic.count == 1)
        #expect(new.totals.traffic.values.first?.dials[.shortage] == 7)
        #expect(Handover(parsing: new.text) == new)
    }

    /// Lines end and words are parted by bytes: a carriage return and a newline are one character, and so are a space and an
    /// accent.
    @Test(arguments: ["name\r", "\u{301}name", "two  words", "\u{FFFD}\r\r"])
    func source_isReadBack_whateverItIs(source: String) {
        let handover = Handover(source: source, entries: [])
        #expect(Handover(parsing: handover.text)?.source.utf8.elementsEqual(source.utf8) == true)
        let set = LastGoodSet(source: source, entries: [])
        #expect(throws: Never.self) { try LastGoodSet(parsing: set.text(savedAt: 1), source: source, now: 1) }
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
        text += "drained a 2379 1000 500\ncount accepted 12\ntraffic a 2379 1 2 3 4 5 6 7\ncount lost 1\n"
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...8, using: &generator) {
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
        }
        guard let read = Handover(parsing: String(decoding: bytes, as: UTF8.self)) else { return }
        #expect(Handover(parsing: read.text) == read)
    }
}
