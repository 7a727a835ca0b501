import Gateway
import Testing

@Suite struct CertificateNameTests {
    @Test(arguments: [
        ("example.com", "example.com", true), ("Example.COM", "example.com.", true),
        ("example.com.", "EXAMPLE.com", true),
        ("example.com", "a.example.com", false), ("a.example.com", "example.com", false),
        ("*.example.com", "a.example.com", true), ("*.example.com", "example.com", false),
        ("*.example.com", "a.b.example.com", false), ("*.b.example.com", "a.b.example.com", true),
        ("example.com", "example.org", false), ("example.com", "10.0.0.1", false), ("localhost", "localhost", true),
    ])
    func covers(pattern: String, host: String, isCovered: Bool) {
        #expect(CertificateName(pattern)?.covers(host) == isCovered)
    }

    @Test(arguments: [
        "", "*", "*.", "*.com", "a.*.com", "a*.example.com", "*.*.com", "10.0.0.1", "a b", "a..b", "é.com",
    ])
    func strangeNames_coverNobody(text: String) {
        #expect(CertificateName(text) == nil)
    }

    @Test func zeroByte_endsNoName() {
        #expect(CertificateName("example.com\0.evil.org") == nil)
    }
}
