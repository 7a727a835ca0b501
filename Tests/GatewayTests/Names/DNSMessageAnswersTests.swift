import Gateway
import Testing

@Suite struct DNSMessageAnswersTests {
    private func message(
        authority: UInt32? = nil, authorityTTL: UInt32 = 900, _ records: [(String, DNSRecordType, UInt32, [UInt8])]
    ) throws -> DNSMessage {
        var reply = DNSBuilder(answers: UInt16(records.count), authorities: authority == nil ? 0 : 1)
        for (name, type, ttl, data) in records { reply.record(name, type, ttl: ttl, data) }
        if let authority {
            reply.record("zone", .soa, ttl: authorityTTL, DNSBuilder.startOfAuthority(minimum: authority))
        }
        return try DNSMessage.parse(reply.bytes)
    }

    private func alias(_ name: String, _ target: String, _ ttl: UInt32) -> (String, DNSRecordType, UInt32, [UInt8]) {
        (name, .cname, ttl, DNSBuilder.name(target))
    }

    @Test func addresses_keepTheirOrder_eachOnce_withTheSmallestTTL() throws {
        let reply = try message([
            ("h", .a, 50, [10, 0, 0, 2]), ("h", .a, 40, [10, 0, 0, 1]), ("h", .a, 60, [10, 0, 0, 2]),
            ("other", .a, 1, [10, 0, 0, 3]), ("h", .aaaa, 30, Array(repeating: 0, count: 15) + [1]),
        ])
        #expect(
            reply.addresses(for: "h", .a)
                == DNSAnswer(values: [.v4(0x0A00_0002), .v4(0x0A00_0001)], timeToLive: .seconds(40)))
        #expect(reply.addresses(for: "h", .aaaa) == DNSAnswer(values: [.v6(0, 1)], timeToLive: .seconds(30)))
        #expect(reply.addresses(for: "h", .srv) == DNSAnswer(values: [], timeToLive: nil))
    }

    @Test(arguments: ["h.Example", "H.EXAMPLE.", "h.example"])
    func caseAndFinalDot_doNotMatter(name: String) throws {
        #expect(try message([("H.eXample", .a, 1, [1, 1, 1, 1])]).addresses(for: name, .a).values.count == 1)
    }

    @Test func aliases_areFollowed_inAnyOrder_withTheSmallestTTL() throws {
        let reply = try message([("c", .a, 50, [1, 1, 1, 1]), alias("b", "c", 5), alias("a", "b", 70)])
        #expect(reply.addresses(for: "a", .a) == DNSAnswer(values: [.v4(0x0101_0101)], timeToLive: .seconds(5)))
    }

    @Test func aliasesInACircle_endWithNothing() throws {
        let reply = try message([alias("a", "b", 5), alias("b", "a", 5)])
        #expect(reply.addresses(for: "a", .a).values.isEmpty)
    }

    @Test func sixteenAliases_areFollowed_andNotMore() throws {
        let chain = (0..<17).map { alias("n\($0)", "n\($0 + 1)", 5) }
        let reply = try message(chain + [("n16", .a, 5, [1, 1, 1, 1]), ("n17", .a, 5, [2, 2, 2, 2])])
        #expect(reply.addresses(for: "n0", .a).values == [.v4(0x0101_0101)])
        #expect(reply.addresses(for: "n1", .a).values == [.v4(0x0202_0202)])
    }

    @Test func services_areFoundBehindAliases() throws {
        let reply = try message([
            alias("_s._tcp.a", "_s._tcp.b", 7),
            ("_s._tcp.b", .srv, 9, DNSBuilder.service(1, 2, 3, DNSBuilder.name("t.b"))),
        ])
        #expect(
            reply.services(for: "_s._tcp.a")
                == DNSAnswer(
                    values: [ServiceRecord(priority: 1, weight: 2, port: 3, target: "t.b")], timeToLive: .seconds(7)))
    }

    @Test(arguments: [(60, 900, 60), (900, 60, 60), (60, 0x8000_0000, 0)] as [(UInt32, UInt32, Int)])
    func nothing_holdsForTheSmallerOfTTLAndMinimum(minimum: UInt32, ttl: UInt32, seconds: Int) throws {
        let reply = try message(authority: minimum, authorityTTL: ttl, [])
        #expect(reply.services(for: "s") == DNSAnswer(values: [], timeToLive: .seconds(seconds)))
    }

    @Test func aliasToNothing_holdsNoLongerThanTheAlias() throws {
        let reply = try message(authority: 60, [alias("a", "b", 5)])
        #expect(reply.addresses(for: "a", .a) == DNSAnswer(values: [], timeToLive: .seconds(5)))
    }

    @Test func minimum_doesNotShortenAnswersThatExist() throws {
        let reply = try message(authority: 1, [("h", .a, 50, [1, 1, 1, 1])])
        #expect(reply.addresses(for: "h", .a).timeToLive == .seconds(50))
    }
}
