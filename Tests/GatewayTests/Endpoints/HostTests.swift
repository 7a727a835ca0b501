import Gateway
import Testing

@Suite struct HostTests {
    private static let longestLabel = String(repeating: "a", count: 63)
    private static let longestName = [longestLabel, longestLabel, longestLabel, String(repeating: "b", count: 61)]
        .joined(separator: ".")

    @Test(arguments: [
        ("etcd1", "etcd1"), ("Infra0.Example.COM", "infra0.example.com"), ("a.b.", "a.b."), ("_x-y.z_", "_x-y.z_"),
        ("etcd.1", "etcd.1"), ("1e.2", "1e.2"), ("3com", "3com"), (longestLabel, longestLabel),
        (longestName, longestName),
        (longestName + ".", longestName + "."),
    ])
    func names_areReadInLowerCase(text: String, name: String) {
        #expect(Host(text) == .name(name))
        #expect(Host(text)?.description == name)
    }

    @Test(arguments: [
        "", ".", "..", "a..b", ".a", "a..", "a b", "a/b", "a:b", "a@b", "a%b", "é", "a\u{0}", "1.2.3", "2379",
        "10.0.0.256",
        "127.1", "1.2.3.4.", "*.example.com", "\u{212A}elvin", longestLabel + "a", longestName + "c",
        longestName + "c.",
    ])
    func otherText_isNoHost(text: String) {
        #expect(Host(text) == nil)
    }

    @Test func addresses_areNoNames() {
        #expect(Host("10.0.0.1") == .address(.v4(0x0A00_0001)))
        #expect(Host("0:0::1") == .address(.v6(0, 1)))
        #expect(Host("0:0::1")?.description == "::1")
    }
}
