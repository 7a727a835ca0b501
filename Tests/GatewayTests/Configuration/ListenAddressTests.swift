import Gateway
import GatewayTesting
import Testing

@Suite struct ListenAddressTests {
    private static let longestPath = "/" + String(repeating: "x", count: 106)

    @Test(
        arguments: [
            ("127.0.0.1:23790", .ip(SocketAddress(ip: .v4(0x7F00_0001), port: 23790))),
            ("0.0.0.0:1", .ip(SocketAddress(ip: .v4(0), port: 1))),
            ("[::1]:23790", .ip(SocketAddress(ip: .v6(0, 1), port: 23790))),
            ("[::]:0", .ip(SocketAddress(ip: .v6(0, 0), port: 0))),
            ("localhost:23790", .name("localhost", port: 23790)),
            ("unix:///run/x.sock", .unix("/run/x.sock")), ("unix://" + longestPath, .unix(longestPath)),
            ("unix:///with space", .unix("/with space")),
        ] as [(String, ListenAddress)])
    func text_isReadAndWrittenBack(text: String, address: ListenAddress) throws {
        #expect(try ListenAddress(parsing: text) == address)
        #expect(address.description == text)
    }

    @Test(
        arguments: [
            ("", .empty), (":23790", .noHost), ("[]:1", .noHost), ("127.0.0.1", .noPort(.address(.v4(0x7F00_0001)))),
            ("127.0.0.1:", .noPort(.address(.v4(0x7F00_0001)))), ("localhost", .noPort(.name("localhost"))),
            ("::1", .noPort(.address(.v6(0, 1)))), ("[::1]", .noPort(.address(.v6(0, 1)))), ("a:65536", .port("65536")),
            ("a:1x", .port("1x")), ("a:-1", .port("-1")), ("*:1", .host("*")), ("[::1", .host("")),
            ("[::1]x", .host("")),
            ("http://a:1", .host("http://a:1")), ("a b:1", .host("a b")), ("1.2.3.400:1", .host("1.2.3.400")),
            ("unix://", .path), ("unix:///", .path), ("unix://run/x", .path), ("unix:///a\nb", .path),
            ("unix:///a\u{0}", .path),
            ("unix://" + longestPath + "x", .path), ("/run/x.sock", .host("/run/x.sock")),
        ] as [(String, ListenAddressError.Problem)])
    func otherText_isRefused(text: String, problem: ListenAddressError.Problem) {
        #expect(throws: ListenAddressError(text: text, problem: problem)) { try ListenAddress(parsing: text) }
        #expect(!ListenAddressError(text: text, problem: problem).description.utf8.contains(10))
    }

    @Test(arguments: [
        (":23790", "127.0.0.1:23790"), (":23790", "0.0.0.0:23790"), ("::1", "[::1]:23790"),
        ("localhost", "localhost:23790"),
        ("tcp://a:1", "unix:///"), ("unix://x", "absolute"),
    ])
    func errors_sayWhatWouldBeRight(text: String, advice: String) {
        let error = #expect(throws: ListenAddressError.self) { try ListenAddress(parsing: text) }
        #expect(error?.description.contains(advice) == true)
    }

    @Test func randomText_neverTraps_andWhatIsReadSurvives() throws {
        var random = SeededGenerator(seed: 6)
        for _ in 0..<50_000 {
            let text = (Bool.random(using: &random) ? "unix://" : "") + random.text(of: "ab019.::[]//é\n", longest: 12)
            guard let address = try? ListenAddress(parsing: text) else { continue }
            #expect(try ListenAddress(parsing: address.description) == address, "\(text)")
        }
    }
}
