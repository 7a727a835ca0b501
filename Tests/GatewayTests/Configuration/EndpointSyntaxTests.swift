import Gateway
import GatewayTesting
import Testing

@Suite struct EndpointSyntaxTests {
    private static func name(_ name: String, _ port: UInt16 = 2379, scheme: String? = nil) -> StaticEndpoint {
        StaticEndpoint(scheme: scheme, host: .name(name), port: port)
    }

    private static func six(_ lower: UInt64, _ port: UInt16 = 2379, scheme: String? = nil) -> StaticEndpoint {
        StaticEndpoint(scheme: scheme, host: .address(.v6(0, lower)), port: port)
    }

    private static let loopback = StaticEndpoint(host: .address(.v4(0x7F00_0001)), port: 2379)

    /// What `etcd gateway` accepts.
    @Test(arguments: [
        ("127.0.0.1:2379", loopback), ("infra0.example.com:2379", name("infra0.example.com")),
        ("HOST:1", name("host", 1)),
        ("[::1]:65535", six(1, 65535)), ("http://a:1", name("a", 1, scheme: "http")),
        ("https://a:1", name("a", 1, scheme: "https")), ("HTTPS://a:1", name("a", 1, scheme: "https")),
        ("unix://localhost:2379", name("localhost", scheme: "unix")), ("http://[::1]:5", six(1, 5, scheme: "http")),
        ("http://user:pass@a:1/path?query=1#part", name("a", 1, scheme: "http")),
        ("http://u@x@a:1", name("a", 1, scheme: "http")),
        ("http://a:1/", name("a", 1, scheme: "http")), ("http://a:1?x", name("a", 1, scheme: "http")),
        ("http://a:1#x", name("a", 1, scheme: "http")), ("//a:1", name("a", 1)), ("a:1/path", name("a", 1)),
        ("svc+http.x-y://a:1", name("a", 1, scheme: "svc+http.x-y")), ("a:00001", name("a", 1)),
        ("a.b.:1", name("a.b.", 1)),
        ("[localhost]:1", name("localhost", 1)),
    ])
    func formsOfTheOldGateway_areRead(text: String, endpoint: StaticEndpoint) throws {
        #expect(try StaticEndpoint(parsing: text) == endpoint)
    }

    @Test(arguments: [
        ("infra0.example.com", name("infra0.example.com")), ("127.0.0.1", loopback), ("::1", six(1)), ("[::1]", six(1)),
        ("https://a", name("a", scheme: "https")), ("https://a/b:7", name("a", scheme: "https")),
        ("http://[::1]", six(1, scheme: "http")), ("http://::1", six(1, scheme: "http")),
    ])
    func missingPort_is2379(text: String, endpoint: StaticEndpoint) throws {
        #expect(try StaticEndpoint(parsing: text) == endpoint)
    }

    @Test(
        arguments: [
            ("a:1;weight=5", 5, 0), ("a:1;priority=7", 1, 7), ("a:1;weight=5;priority=7", 5, 7),
            ("a:1;priority=7;weight=5", 5, 7),
            ("a:1;weight=0", 0, 0), ("a:1;weight=65535;priority=65535", 65535, 65535), ("http://a:1/x;weight=2", 2, 0),
        ] as [(String, UInt16, UInt16)])
    func options_areReadInAnyOrder(text: String, weight: UInt16, priority: UInt16) throws {
        let endpoint = try StaticEndpoint(parsing: text)
        #expect(endpoint.weight == weight)
        #expect(endpoint.priority == priority)
        #expect(endpoint.port == 1)
    }

    @Test(
        arguments: [
            ("", .empty), (";weight=1", .empty), (" a:1", .blank), ("a:1 ", .blank), ("a :1", .blank),
            ("a:1;weight= 5", .blank),
            ("a\t:1", .blank), ("a:1\r\n", .blank), ("a\u{0}:1", .blank), (":2379", .noHost), ("http://", .noHost),
            ("//", .noHost),
            ("http://:2379", .noHost), ("http://@:1", .noHost), ("/path", .noHost), ("[]:1", .noHost),
            ("a:0", .port("0")),
            ("a:", .port("")), ("a:65536", .port("65536")), ("a:70000", .port("70000")),
            ("a:2379abc", .port("2379abc")),
            ("a:http", .port("http")), ("a:-1", .port("-1")), ("a:+1", .port("+1")), ("a:0x10", .port("0x10")),
            ("a:99999999999999999999999999", .port("99999999999999999999999999")), ("[::1", .host("")),
            ("[::1]2379", .host("")),
            ("::1]:2379", .host("::1]:2379")), ("a:1:2", .host("a:1:2")), ("10.0.0.256:1", .host("10.0.0.256")),
            ("2379", .host("2379")), ("user@a:1", .host("user@a")), ("://a:1", .noHost),
            ("http:a:1", .host("http:a:1")),
            ("[fe80::1%eth0]:1", .host("fe80::1%eth0")), ("é:1", .host("é")), ("a..b:1", .host("a..b")),
            ("=:1", .host("=")),
            ("::1:2379", .ambiguousPort("::1:2379")), ("fd00::1:2379", .ambiguousPort("fd00::1:2379")),
            ("a:1;", .unknownOption("")), ("a:1;wieght=1", .unknownOption("wieght=1")),
            ("a:1;Weight=1", .unknownOption("Weight=1")),
            ("a:1;=5", .unknownOption("=5")), ("a:1;weight=1;weight=1", .duplicateOption("weight")),
            ("a:1;weight", .optionValue(name: "weight", "")), ("a:1;weight=", .optionValue(name: "weight", "")),
            ("a:1;weight=-1", .optionValue(name: "weight", "-1")),
            ("a:1;priority=65536", .optionValue(name: "priority", "65536")),
            ("a:1;weight=1=2", .optionValue(name: "weight", "1=2")), ("a:1\u{37E}weight=1", .port("1\u{37E}weight=1")),
        ] as [(String, EndpointSyntaxError.Problem)])
    func wrongItem_isRefused_andNamed(text: String, problem: EndpointSyntaxError.Problem) {
        #expect(throws: EndpointSyntaxError(item: text, problem: problem)) { try StaticEndpoint(parsing: text) }
        let description = EndpointSyntaxError(item: text, problem: problem).description
        #expect(!description.unicodeScalars.contains { $0.value < 32 })
        #expect(description.utf8.count > 30)
    }

    @Test func errors_sayWhatWouldBeRight() {
        func text(_ item: String) -> String {
            do throws(EndpointSyntaxError) {
                return "\(try StaticEndpoint(parsing: item))"
            } catch {
                return error.description
            }
        }
        #expect(
            text("a:2379abc")
                == #"endpoint "a:2379abc": "2379abc" is no port; write a number from 1 to 65535, or nothing for 2379"#)
        #expect(text("::1:2379") == #"endpoint "::1:2379": it may mean a port; write [::1]:2379 or [::1:2379]:2379"#)
        #expect(text("fe80::1%eth0").contains("zone"))
        #expect(text("a:b:c").contains("[::1]:2379"))
        #expect(text("") == #"endpoint "": it is empty; is there a comma too many?"#)
        #expect(text(String(repeating: "?", count: 10_000)).utf8.count < 400)
    }

    @Test func list_keepsItsOrder() throws {
        let endpoints = try StaticEndpoint.parseList("b:1,a:2;weight=3,https://[::1]")
        #expect(endpoints.map(\.description) == ["b:1", "a:2;weight=3", "https://[::1]:2379"])
    }

    @Test func list_dropsTheQuotesOfCSV() throws {
        #expect(try StaticEndpoint.parseList(#""a:1","b:2""#) == [Self.name("a", 1), Self.name("b", 2)])
    }

    @Test(
        arguments: [
            ("", "", .noEndpoints), ("a:1,", "", .empty), (",a:1", "", .empty), ("a:1,,b:1", "", .empty),
            (",", "", .empty),
            ("a:1, b:1", " b:1", .blank), ("a:1,b:0,c:x", "b:0", .port("0")), (#""a:1"#, #""a:1"#, .host(#""a"#)),
        ] as [(String, String, EndpointSyntaxError.Problem)])
    func list_withAWrongItem_isRefused(text: String, item: String, problem: EndpointSyntaxError.Problem) {
        #expect(throws: EndpointSyntaxError(item: item, problem: problem)) { try StaticEndpoint.parseList(text) }
    }

    @Test func emptyList_saysSoAsTheOldGatewayDid() {
        #expect(EndpointSyntaxError(item: "", problem: .noEndpoints).description.hasPrefix("no endpoints found"))
    }

    @Test func authority_isWhatLogsShow() throws {
        #expect(try StaticEndpoint(parsing: "https://[0:0::1];weight=3").authority == "[::1]:2379")
    }

    @Test func randomText_neverTraps_andWhatIsReadSurvives() throws {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<50_000 {
            let text = random.text(of: "abz019.::::[]//@?#;;=-_,%é\r\n \u{301}", longest: 16)
            for suffix in ["", ";weight=3", ";priority=2;weight=9"] {
                guard let endpoint = try? StaticEndpoint(parsing: text + suffix) else { continue }
                #expect(try StaticEndpoint(parsing: endpoint.description) == endpoint, "\(text)")
            }
        }
    }
}
