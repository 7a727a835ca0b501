import Gateway
import GatewayTesting
import Testing

@Suite struct HostsFileTests {
    private let file = HostsFile(
        parsing: """
            # comment
            127.0.0.1\tlocalhost
            ::1   localhost ip6-localhost # localhost2
            10.0.0.1 Etcd1.Example.com etcd1
              10.0.0.2  etcd1 etcd2.\r
            10.0.0.1 etcd1
            10.0.0.3
            fe80::1%lo0 zoned
            10.0.0.256 wrong
            name 10.0.0.4
            10.0.0.5 bad/name good
            #10.0.0.6 commented
            """)

    @Test(arguments: [
        ("localhost", ["127.0.0.1", "::1"]), ("LOCALHOST", ["127.0.0.1", "::1"]), ("localhost.", ["127.0.0.1", "::1"]),
        ("ip6-localhost", ["::1"]), ("localhost2", []), ("etcd1.example.com", ["10.0.0.1"]),
        ("etcd1", ["10.0.0.1", "10.0.0.2"]),
        ("etcd2", ["10.0.0.2"]), ("zoned", []), ("wrong", []), ("name", []), ("bad/name", []), ("good", ["10.0.0.5"]),
        ("commented", []), ("", []), (".", []), ("comment", []),
    ])
    func lookup_keepsTheOrderOfTheFile(name: String, addresses: [String]) {
        #expect(file.addresses(for: name).map(\.description) == addresses)
    }

    @Test func emptyFile_knowsNothing() {
        #expect(HostsFile(parsing: "").addresses(for: "localhost").isEmpty)
    }

    @Test func name_hasAtMostSixteenAddresses() {
        let text = (0..<100).map { "10.0.0.\($0) a\n" }.joined()
        #expect(HostsFile(parsing: text).addresses(for: "a").count == HostsFile.mostAddresses)
    }

    @Test func behindTheLastLine_nothingIsRead() {
        let text = String(repeating: "\n", count: HostsFile.mostLines - 1) + "10.0.0.1 a\n10.0.0.2 b\n"
        #expect(HostsFile(parsing: text).addresses(for: "a").count == 1)
        #expect(HostsFile(parsing: text).addresses(for: "b").isEmpty)
    }

    @Test func behindTheLastByte_nothingIsRead() {
        let text = "10.0.0.1 a #" + String(repeating: "x", count: HostsFile.longestFile) + "\n10.0.0.2 b"
        #expect(HostsFile(parsing: text).addresses(for: "a").count == 1)
        #expect(HostsFile(parsing: text).addresses(for: "b").isEmpty)
    }

    @Test func randomText_neverTraps() {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<20_000 {
            let file = HostsFile(parsing: random.text(of: "1.:: ab\t#\n\r\u{301}é\u{0}", longest: 40))
            #expect(file.addresses(for: "a").count <= HostsFile.mostAddresses)
        }
    }
}
