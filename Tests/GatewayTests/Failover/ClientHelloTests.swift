import Gateway
import GatewayTesting
import Testing

@Suite struct ClientHelloTests {
    private func record(_ host: String?) -> [UInt8] {
        var random = SeededGenerator(seed: 1)
        return ClientHello.record(host: host, using: &random)
    }

    @Test(arguments: [nil, "infra0.example.com", "10.0.0.1", "::1", "not a name"])
    func lengths_fitIntoEachOther(host: String?) {
        let bytes = record(host)
        #expect(bytes.prefix(3) == [0x16, 3, 1])
        #expect(Int(bytes[3]) << 8 + Int(bytes[4]) == bytes.count - 5)
        #expect(bytes[5] == 1 && Int(bytes[6]) << 16 + Int(bytes[7]) << 8 + Int(bytes[8]) == bytes.count - 9)
        // version 2, random 32, session 1 + 32, suites 2 + 34, compression 2, then the extensions
        let extensions = 9 + 2 + 32 + 33 + 36 + 2
        #expect(Int(bytes[extensions]) << 8 + Int(bytes[extensions + 1]) == bytes.count - extensions - 2)
        #expect(bytes.count < 1_024)
    }

    @Test func serverName_isThere_whereTheHostHasOne() {
        let name = Array("infra0.example.com".utf8)
        #expect(Self.contains(record("infra0.example.com"), [0, 0, 0, 23, 0, 21, 0, 0, 18] + name))
        #expect(Self.contains(record("Infra0.example.com."), [0, 18] + name))
        #expect(record("10.0.0.1") == record(nil))
    }

    @Test func longestName_fits() {
        let name = Array(repeating: String(repeating: "b", count: 62), count: 4).joined(separator: ".")
        #expect(record(name).count == record(nil).count + 9 + name.utf8.count)
    }

    private static func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: part) }
    }
}
