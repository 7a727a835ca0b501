import Testing

@testable import Gateway

@Suite struct AdminRequestTests {
    @Test(arguments: [
        ("GET", "/", AdminRequest.page), ("GET", "/metrics", .metrics), ("HEAD", "/healthz", .health),
        ("GET", "/readyz?verbose", .readiness), ("GET", "/status", .status), ("GET", "/explain", .explanation),
        ("GET", "/sessions", .sessions(.age, limit: 1000)),
        ("GET", "/sessions?sort=idle&limit=5", .sessions(.idle, limit: 5)),
        ("POST", "/reload", .order(.reload)), ("POST", "/drain?endpoint=a:1", .order(.drain(endpoint: "a:1"))),
        ("POST", "/undrain?endpoint=%5B%3a%3A1%5D:1", .order(.undrain(endpoint: "[::1]:1"))),
        ("POST", "/log-level?level=debug", .order(.logLevel(.debug))),
    ])
    func requests_areUnderstood(method: String, target: String, request: AdminRequest) throws {
        #expect(try AdminRequest(method: method, target: target) == request)
    }

    @Test(arguments: [
        ("GET", "/nothing", 404), ("GET", "", 404), ("GET", "//", 404), ("GET", "*", 404), ("GET", "/status/", 404),
        ("POST", "/status", 405), ("DELETE", "/metrics", 405), ("GET", "/reload", 405),
        ("HEAD", "/drain?endpoint=a", 405),
        ("GET", "/sessions?sort=colour", 400), ("GET", "/sessions?limit=0", 400), ("GET", "/sessions?limit=10001", 400),
        ("GET", "/sessions?limit=-1", 400), ("POST", "/drain", 400), ("POST", "/undrain?endpoint=", 400),
        ("POST", "/log-level", 400), ("POST", "/log-level?level=loud", 400),
    ])
    func others_areRefused_withTheRightNumber(method: String, target: String, status: Int) {
        let refusal = #expect(throws: AdminRefusal.self) { try AdminRequest(method: method, target: target) }
        #expect(refusal?.status == status && refusal?.text.contains("\n") == false)
    }

    @Test(arguments: ["a:1", "[::1]:2379", "a b&c=d%?#", "ü\n", ""])
    func textInAQuery_comesBack(text: String) throws {
        let target = "/drain?endpoint=\(AdminRequest.encoded("x" + text))"
        #expect(target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        #expect(try AdminRequest(method: "POST", target: target) == .order(.drain(endpoint: "x" + text)))
    }

    @Test func refusalOfAStrangePath_isHarmless() {
        let refusal = #expect(throws: AdminRefusal.self) {
            try AdminRequest(method: "GET", target: "/\u{1B}[2J" + String(repeating: "x", count: 10_000))
        }
        #expect(refusal.map { $0.text.utf8.count < 500 && !$0.text.contains("\u{1B}") } == true)
    }
}
