import Gateway
import GatewayTesting
import Testing

@Suite struct DNSMessageTests {
    /// A reply as a real server gives it: question, SRV records, an alias, a SOA; compressed.
    private static func realReply() -> [UInt8] {
        var reply = DNSBuilder(questions: 1, answers: 4, authorities: 1)
        let question = reply.pointer
        reply.question("_etcd-client._tcp.Example.com", .srv)
        reply.record(question, .srv, ttl: 300, DNSBuilder.service(0, 5, 2379, DNSBuilder.name("Etcd1.example.com")))
        reply.record(question, .srv, ttl: 200, DNSBuilder.service(1, 0, 2379, [5] + "etcd2".utf8 + [0xC0, 30]))
        reply.record("alias.example.com", .cname, ttl: 9, DNSBuilder.name("real.example.com"))
        reply.record("real.example.com", .a, ttl: 10, [10, 0, 0, 1])
        reply.record("example.com", .soa, ttl: 900, DNSBuilder.startOfAuthority(minimum: 60))
        return reply.bytes
    }

    @Test func realReply_isRead() throws {
        let message = try DNSMessage.parse(Self.realReply())
        #expect(message.id == 0x1234)
        #expect(message.responseCode == 0)
        #expect(!message.isTruncated)
        #expect(message.question == DNSMessage.Question(name: "_etcd-client._tcp.example.com", type: .srv))
        #expect(message.skipped == 0)
        #expect(message.authorityNegativeTTL == 60)
        let service = "_etcd-client._tcp.example.com"
        #expect(
            message.answers == [
                DNSRecord(
                    name: service, ttl: 300,
                    data: .srv(ServiceRecord(priority: 0, weight: 5, port: 2379, target: "etcd1.example.com"))),
                DNSRecord(
                    name: service, ttl: 200,
                    data: .srv(ServiceRecord(priority: 1, weight: 0, port: 2379, target: "etcd2.example.com"))),
                DNSRecord(name: "alias.example.com", ttl: 9, data: .cname("real.example.com")),
                DNSRecord(name: "real.example.com", ttl: 10, data: .a(.v4(0x0A00_0001))),
            ])
    }

    @Test func everyTruncation_isAnError() {
        let reply = Self.realReply()
        for length in 0..<reply.count {
            #expect(throws: DNSMessageError.self, "\(length) bytes") { try DNSMessage.parse(Array(reply[..<length])) }
        }
    }

    @Test func bytesBehindTheEnd_areIgnored() throws {
        #expect(try DNSMessage.parse(Self.realReply() + [1, 2, 3]) == DNSMessage.parse(Self.realReply()))
    }

    @Test func flags_areRead() throws {
        let message = try DNSMessage.parse(DNSBuilder(id: 7, flags: 0x8203).bytes)
        #expect(message.id == 7)
        #expect(message.isTruncated)
        #expect(message.responseCode == 3)
        #expect(message.question == nil)
    }

    @Test func question_isNoReply() {
        #expect(throws: DNSMessageError.notAReply) { try DNSMessage.parse(DNSBuilder(flags: 0x0100).bytes) }
    }

    @Test func severalQuestions_areRefused() {
        #expect(throws: DNSMessageError.questions) { try DNSMessage.parse(DNSBuilder(questions: 2).bytes) }
    }

    // MARK: Records

    private func answers(_ build: (inout DNSBuilder) -> Void) throws(DNSMessageError) -> DNSMessage {
        var reply = DNSBuilder(answers: 1)
        build(&reply)
        return try DNSMessage.parse(reply.bytes)
    }

    @Test(
        arguments: [(0, 0), (1, 1), (0x7FFF_FFFF, 0x7FFF_FFFF), (0x8000_0000, 0), (0xFFFF_FFFF, 0)]
            as [(UInt32, UInt32)])
    func ttl_withItsTopBitSet_isZero(sent: UInt32, read: UInt32) throws {
        #expect(try answers { $0.record("a", .a, ttl: sent, [1, 2, 3, 4]) }.answers.first?.ttl == read)
    }

    @Test func sixteenBytes_areAnIPv6Address() throws {
        let message = try answers { $0.record("a", .aaaa, Array(1...16)) }
        #expect(message.answers.first?.data == .aaaa(.v6(0x0102_0304_0506_0708, 0x090A_0B0C_0D0E_0F10)))
    }

    @Test func otherTypes_keepTheirNumber() throws {
        let message = try answers { $0.record("a", DNSRecordType(rawValue: 16), [1, 2, 3]) }
        #expect(message.answers.first?.data == .other(DNSRecordType(rawValue: 16)))
    }

    @Test func otherClasses_areSkipped() throws {
        let message = try answers { $0.record([0], .a, class: 3, [1, 2, 3, 4]) }
        #expect(message.answers.isEmpty)
        #expect(message.skipped == 1)
    }

    @Test(
        arguments: [
            (.a, [1, 2, 3]), (.a, [1, 2, 3, 4, 5]), (.a, []), (.aaaa, [1, 2, 3, 4]),
            (.aaaa, Array(repeating: 0, count: 17)),
            (.cname, [1, 97, 0, 0]), (.cname, []), (.cname, [1, 97]), (.srv, [0, 0, 0, 0, 0, 1]), (.srv, [0, 0, 0]),
            (.srv, DNSBuilder.service(0, 0, 1, [1, 97, 0, 0])),
        ] as [(DNSRecordType, [UInt8])])
    func lengthThatDoesNotFit_isAnError(type: DNSRecordType, data: [UInt8]) {
        #expect(throws: DNSMessageError.self) {
            // Bytes follow, so that only the record's own length can stop the reader.
            var reply = DNSBuilder(answers: 1)
            reply.record("a", type, data)
            _ = try DNSMessage.parse(reply.bytes + Array(repeating: 0, count: 64))
        }
    }

    @Test func targetRoot_saysThatThereIsNoService() throws {
        let message = try answers { $0.record("s", .srv, DNSBuilder.service(0, 0, 0, [0])) }
        let service = message.services(for: "s").values.first
        #expect(service?.isUnavailable == true)
        #expect(service?.target == ".")
    }

    @Test(arguments: ["a b", "a/b", "a\u{1B}b", "é", "a:b", "1.2.3.4", "a\\b"])
    func targetThatIsNoHostName_isSkipped(target: String) throws {
        let message = try answers { $0.record("s", .srv, DNSBuilder.service(0, 0, 1, DNSBuilder.name(target))) }
        #expect(message.answers.isEmpty)
        #expect(message.skipped == 1)
    }

    @Test func targetWithADotInsideALabel_isSkipped() throws {
        let message = try answers { $0.record("s", .srv, DNSBuilder.service(0, 0, 1, [3] + "a.b".utf8 + [0])) }
        #expect(message.skipped == 1)
    }

    @Test func portZero_isSkipped() throws {
        let message = try answers { $0.record("s", .srv, DNSBuilder.service(0, 0, 0, DNSBuilder.name("a"))) }
        #expect(message.skipped == 1)
    }

    @Test func oddBytesInNames_areEscaped() throws {
        let message = try answers { $0.record([4, 0x2E, 0x20, 0x07, 0xFF, 1, 0x5C, 0], .cname, [1, 0x41, 0]) }
        #expect(message.answers.first?.name == #"\046\032\007\255.\092"#)
        #expect(message.answers.first?.data == .cname("a"))
    }

    @Test func recordsBeyondTheLimit_areSkipped() throws {
        var reply = DNSBuilder(answers: 600, authorities: 1)
        for _ in 0..<600 { reply.record("a", .a, [1, 2, 3, 4]) }
        reply.record("a", .soa, DNSBuilder.startOfAuthority(minimum: 5))
        let message = try DNSMessage.parse(reply.bytes)
        #expect(message.answers.count == DNSMessage.mostRecords)
        #expect(message.skipped == 88)
        #expect(message.authorityNegativeTTL == nil)
    }

    // MARK: Names

    @Test func pointers_mayBeChained_backwards() throws {
        var reply = DNSBuilder(questions: 1, answers: 1)
        reply.question("b.c", .a)  // at 12: 1 b 1 c 0
        let second = reply.pointer
        // An odd name of the record itself: "a" and then a pointer to "b.c".
        reply.record([1, 97, 0xC0, 12], .cname, [1, 120] + second)
        let message = try DNSMessage.parse(reply.bytes)
        #expect(message.answers.first?.name == "a.b.c")
        #expect(message.answers.first?.data == .cname("x.a.b.c"))
    }

    @Test(
        arguments: [[0xC0, 12], [0xC0, 13], [0xC0, 200], [0xFF, 0xFF], [1, 97, 0xC0, 12], [1, 97, 0xC0, 14]]
            as [[UInt8]])
    func pointers_toThemselvesOrForwards_areRefused(name: [UInt8]) {
        #expect(throws: DNSMessageError.name) { try answers { $0.record(name, .a, [1, 2, 3, 4]) } }
    }

    @Test func pointers_intoTheHeader_areHarmless() throws {
        // Byte 2 is 0x81, a label of an unknown kind; bytes 8 to 11 are zeros, the root.
        #expect(throws: DNSMessageError.name) { try answers { $0.record([0xC0, 2], .a, [1, 2, 3, 4]) } }
        #expect(try answers { $0.record([0xC0, 8], .a, [1, 2, 3, 4]) }.answers.first?.name == ".")
    }

    @Test func endlessChainsOfPointers_areRefused() {
        var reply = DNSBuilder(answers: 2)
        let start = reply.bytes.count + 11  // behind the root, type, class, ttl and length of the first record
        let chain = (0..<1000).flatMap { index -> [UInt8] in
            let target = index == 0 ? 4 : start + 2 * (index - 1)
            return [0xC0 | UInt8(target >> 8), UInt8(target & 0xFF)]
        }
        reply.record([0], DNSRecordType(rawValue: 99), chain)
        let last = start + 2 * 999
        reply.record([0xC0 | UInt8(last >> 8), UInt8(last & 0xFF)], .a, [1, 2, 3, 4])
        #expect(throws: DNSMessageError.name) { try DNSMessage.parse(reply.bytes) }
    }

    @Test(arguments: [0x40, 0x80, 0xBF] as [UInt8])
    func otherKindsOfLabels_areRefused(length: UInt8) {
        #expect(throws: DNSMessageError.name) { try answers { $0.record([length, 0], .a, [1, 2, 3, 4]) } }
    }

    @Test func names_haveAtMost255Bytes() throws {
        func label(_ length: UInt8) -> [UInt8] { [length] + Array(repeating: 97, count: Int(length)) }
        let labels = label(63) + label(63) + label(63)
        let longest = labels + label(61) + [0]
        #expect(longest.count == 255)
        #expect(try answers { $0.record(longest, .a, [1, 2, 3, 4]) }.answers.first?.name.utf8.count == 253)
        let tooLong = labels + label(62) + [0]
        #expect(throws: DNSMessageError.name) { try answers { $0.record(tooLong, .a, [1, 2, 3, 4]) } }
    }

    // MARK: Random bytes

    @Test func randomBytes_neverTrap() {
        var random = SeededGenerator(seed: 10)
        for _ in 0..<100_000 {
            var bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            // Half of them look like replies, or nothing would get past the header.
            if bytes.count > 12, Bool.random(using: &random) {
                bytes.replaceSubrange(2..<12, with: [0x81, 0, 0, 1, 0, 3, 0, 1, 0, 0])
            }
            _ = try? DNSMessage.parse(bytes)
        }
    }

    @Test func damagedReplies_neverTrap() {
        var random = SeededGenerator(seed: 11)
        let reply = Self.realReply()
        for _ in 0..<20_000 {
            var bytes = reply
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let message = try? DNSMessage.parse(bytes) else { continue }
            #expect(message.answers.count <= DNSMessage.mostRecords)
            _ = message.services(for: "_etcd-client._tcp.example.com")
            _ = message.addresses(for: "alias.example.com", .a)
        }
    }
}
