import Gateway
import GatewayTesting
import Testing

@Suite struct IPAddressTests {
    @Test(
        arguments: [
            ("0.0.0.0", 0), ("127.0.0.1", 0x7F00_0001), ("255.255.255.255", 0xFFFF_FFFF), ("10.20.30.40", 0x0A14_1E28),
        ] as [(String, UInt32)])
    func dottedQuad_isRead_andWrittenBack(text: String, value: UInt32) {
        #expect(IPAddress(text) == .v4(value))
        #expect(IPAddress.v4(value).description == text)
    }

    @Test(arguments: [
        "", " ", "1", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.5", "1.2.3.4.", "256.1.1.1", "1.1.1.999",
        "01.2.3.4",
        "1.2.3.04", "00.0.0.0", "0x7f.0.0.1", "1.2.3.-4", "1.2.3.+4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "1.2.3.4:5",
        "[1.2.3.4]", "127.1", "2130706433", "١.٢.٣.٤", "1.2.3.4294967297",
    ])
    func anythingElseWithDots_isRefused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        arguments: [
            ("::", 0, 0, "::"),
            ("::1", 0, 1, "::1"),
            ("0:0:0:0:0:0:0:1", 0, 1, "::1"),
            ("2001:DB8::1", 0x2001_0DB8_0000_0000, 1, "2001:db8::1"),
            (
                "2001:0db8:0000:0000:0001:0000:0000:0001", 0x2001_0DB8_0000_0000, 0x0001_0000_0000_0001,
                "2001:db8::1:0:0:1"
            ),
            ("2001:db8:0:1:1:1:1:1", 0x2001_0DB8_0000_0001, 0x0001_0001_0001_0001, "2001:db8:0:1:1:1:1:1"),
            ("2001:db8::1:1:1:1:1", 0x2001_0DB8_0000_0001, 0x0001_0001_0001_0001, "2001:db8:0:1:1:1:1:1"),
            ("1:0:0:2:0:0:0:3", 0x0001_0000_0000_0002, 3, "1:0:0:2::3"),
            ("1::", 0x0001_0000_0000_0000, 0, "1::"),
            ("fe80::", 0xFE80_0000_0000_0000, 0, "fe80::"),
            ("1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004, 0x0005_0006_0007_0008, "1:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004, 0x0005_0006_0007_0000, "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", 0x0000_0002_0003_0004, 0x0005_0006_0007_0008, "0:2:3:4:5:6:7:8"),
            ("::ffff:1.2.3.4", 0, 0xFFFF_0102_0304, "::ffff:1.2.3.4"),
            ("::FFFF:102:304", 0, 0xFFFF_0102_0304, "::ffff:1.2.3.4"),
            ("64:ff9b::192.0.2.33", 0x0064_FF9B_0000_0000, 0xC000_0221, "64:ff9b::c000:221"),
            ("1:2:3:4:5:6:255.255.255.255", 0x0001_0002_0003_0004, 0x0005_0006_FFFF_FFFF, "1:2:3:4:5:6:ffff:ffff"),
            ("::1.2.3.4", 0, 0x0102_0304, "::102:304"),
        ] as [(String, UInt64, UInt64, String)])
    func sixForms_areRead_andWrittenAsRFC5952Says(text: String, upper: UInt64, lower: UInt64, canonical: String) {
        #expect(IPAddress(text) == .v6(upper, lower))
        #expect(IPAddress.v6(upper, lower).description == canonical)
    }

    @Test(arguments: [
        ":", ":::", "::1::", "1::2::3", ":1", "1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8", "12345::", "::g", "fe80::1%eth0", "fe80::1%", "[::1]", "::1 ", " ::1", "::1.2.3",
        "::1.2.3.4.5",
        "::1.2.3.256", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::01.2.3.4", "::-1", "::0x1", "::１",
        "00000000000000000000000000000000000000000000000000000::",
    ])
    func otherFormsWithColons_areRefused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func substrings_areRead_too() {
        #expect(IPAddress("host 10.0.0.1".dropFirst(5)) == .v4(0x0A00_0001))
    }

    @Test func bytes_areInNetworkOrder() {
        #expect(IPAddress.v4(0x0102_0304).bytes == [1, 2, 3, 4])
        #expect(IPAddress.v6(1 << 56, 2).bytes == [1] + Array(repeating: 0, count: 14) + [2])
        #expect(IPAddress(bytes: [1, 2, 3, 4]) == .v4(0x0102_0304))
        #expect(IPAddress(bytes: [0, 1, 2, 3, 4][1...]) == .v4(0x0102_0304))
    }

    @Test(arguments: [0, 1, 3, 5, 15, 17])
    func bytes_ofAnyOtherCount_areRefused(count: Int) {
        #expect(IPAddress(bytes: Array(repeating: 7, count: count)) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1", true, false, false), ("127.255.0.9", true, false, false), ("128.0.0.1", false, false, false),
        ("0.0.0.0", false, true, false), ("0.0.0.1", false, false, false), ("169.254.1.2", false, false, true),
        ("169.255.1.2", false, false, false), ("::1", true, false, false), ("::", false, true, false),
        ("::2", false, false, false), ("fe80::1", false, false, true), ("febf::1", false, false, true),
        ("fec0::1", false, false, false), ("::ffff:127.0.0.1", true, false, false),
        ("::ffff:0.0.0.0", false, true, false),
        ("::ffff:169.254.0.1", false, false, true),
    ])
    func kinds(text: String, isLoopback: Bool, isUnspecified: Bool, isLinkLocal: Bool) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isLoopback == isLoopback)
        #expect(address.isUnspecified == isUnspecified)
        #expect(address.isLinkLocal == isLinkLocal)
    }

    @Test(arguments: [
        ("::ffff:1.2.3.4", "1.2.3.4"), ("::fffe:1.2.3.4", "::fffe:102:304"), ("1::ffff:1.2.3.4", "1::ffff:102:304"),
        ("9.8.7.6", "9.8.7.6"),
    ])
    func unmapped_turnsOnlyMappedAddressesIntoFour(text: String, expected: String) {
        #expect(IPAddress(text)?.unmapped.description == expected)
    }

    @Test func order_isFourBeforeSix_thenByNumber() throws {
        let texts = ["0.0.0.1", "9.0.0.0", "10.0.0.0", "::", "::2", "1::", "1::1"]
        let addresses = try texts.map { try #require(IPAddress($0)) }
        #expect(addresses.reversed().sorted() == addresses)
    }

    @Test func everyAddress_survivesItsTextAndItsBytes() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<20_000 {
            // Masks make runs of zeros likely.
            let upper = random.next() & random.next() & random.next()
            let lower = random.next() & random.next() & random.next()
            for address in [
                IPAddress.v4(UInt32(truncatingIfNeeded: upper)), .v6(upper, lower), .v6(0, lower & 0xFFFF_FFFF_FFFF),
            ] {
                #expect(IPAddress(address.description) == address)
                #expect(IPAddress(bytes: address.bytes) == address)
            }
        }
    }

    @Test func randomText_neverTraps_andWhatIsReadSurvives() {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<50_000 {
            let text = random.text(of: "0123456789abf:::::....%[] ", longest: 24)
            guard let address = IPAddress(text) else { continue }
            #expect(IPAddress(address.description) == address, "\(text)")
        }
    }
}
