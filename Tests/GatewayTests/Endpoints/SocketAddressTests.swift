import Gateway
import Testing

@Suite struct SocketAddressTests {
    @Test(arguments: ["1.2.3.4:5", "[::1]:5", "0.0.0.0:0", "[2001:db8::1]:65535", "[::ffff:1.2.3.4]:80"])
    func text_isReadAndWrittenBack(text: String) {
        #expect(SocketAddress(text)?.description == text)
    }

    @Test(arguments: [
        "", "1.2.3.4", "[::1]", "::1:5", "localhost:5", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:+5", "1.2.3.4:5a",
        "1.2.3.4: 5",
        "[::1:5", "[::1]5", "::1]:5", "[[::1]]:5", ":5", "[]:5", "[", "]", "[]", "1.2.3.4:99999999999999999999",
    ])
    func otherText_isRefused(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func order_isByAddress_thenByPort() throws {
        let texts = ["1.1.1.1:1", "1.1.1.1:10", "1.1.1.2:1", "[::1]:1"]
        let addresses = try texts.map { try #require(SocketAddress($0)) }
        #expect(addresses.reversed().sorted() == addresses)
    }
}
