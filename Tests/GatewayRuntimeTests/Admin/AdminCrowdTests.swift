import CSplice
import Gateway
import GatewayTesting
import Glibc
import Testing

@testable import GatewayRuntime

/// Many clients at once, slow ones, deaf ones, and those who speak no HTTP: nobody is held by them.
@Suite struct AdminCrowdTests {
    @Test func deskThatDoesNotAnswer_is503_andHoldsNobody() async throws {
        var desk = AdminDesk.testing()
        desk.explanation = { _ in }
        try await withAdminServer(desk) { path async throws in
            let start = ContinuousClock.now
            #expect(try ask("GET", "/explain", at: path).status == 503)
            #expect(ContinuousClock.now - start < .seconds(5))
            #expect(try ask("GET", "/healthz", at: path).status == 200)
        }
    }

    @Test func slowAndIdleClients_areCutOff_whileOthersAreServed() async throws {
        try await withAdminServer { path async throws in
            let slow = try RawClient(path)
            let idle = try RawClient(path)
            try slow.send("GET /status HTTP/1.1\r\nhost: x\r\n")
            #expect(try ask("GET", "/healthz", at: path).status == 200)
            try await eventually("both are closed", within: .seconds(15)) { slow.isClosed && idle.isClosed }
        }
    }

    @Test func garbage_andLargeBodies_endTheConnection() async throws {
        try await withAdminServer { path async throws in
            let garbage = try RawClient(path)
            try garbage.send("\u{1}\u{2}\u{3}\r\n\r\n")
            let large = try RawClient(path)
            try large.send("POST /reload HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
            try large.send(String(repeating: "x", count: 60_000))
            let head = try RawClient(path)
            for _ in 0..<40 { try? head.send("x-\(FreshText.next()): " + String(repeating: "y", count: 8000) + "\r\n") }
            try await eventually("closed before anybody's patience ends", within: .seconds(4)) {
                garbage.isClosed && large.isClosed
            }
            #expect(try ask("GET", "/healthz", at: path).status == 200)
        }
    }

    @Test func whoComesWhenAllPlacesAreTaken_getsThatOfWhoHasDoneNothingForLongest() async throws {
        try await withAdminServer { path async throws in
            let clients = try (0..<100).map { _ in try RawClient(path) }
            try await eventually("all but the last are closed", within: .seconds(4)) {
                clients.dropLast(Limits.adminClientsMax).allSatisfy { $0.isClosed }
            }
            #expect(clients.suffix(Limits.adminClientsMax).allSatisfy { !$0.isClosed })
            // Who asks has a place as good as new.
            let first = clients[100 - Limits.adminClientsMax]
            try first.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            try await eventually("it is answered") { first.received.contains("200 OK") }
            #expect(try ask("GET", "/healthz", at: path).status == 200)
            #expect(!first.isClosed)
            try await eventually("the next one had to go") { clients[101 - Limits.adminClientsMax].isClosed }
        }
    }

    @Test func clientsThatDoNotRead_takeABoundedAmountOfMemory_andAreInNobodysWay() async throws {
        var desk = AdminDesk.testing()
        var summary = csp_session_summary()
        summary.state = .CSP_SESSION_OPEN
        let session = SessionCensus.Found(loop: 0, session: summary)
        let all = SessionFindings(found: Array(repeating: session, count: 3000))
        desk.sessions = { $0(all) }
        try await withAdminServer(desk) { path async throws in
            let request = "GET /sessions?limit=3000 HTTP/1.1\r\nhost: x\r\n\r\n"
            let deaf = try (0..<20).map { _ in try RawClient(path) }
            for client in deaf {
                try client.send(request)
                _ = try ask("GET", "/healthz", at: path)
            }
            let whole = try ask("GET", "/sessions?limit=3000", at: path)
            #expect(whole.status == 200 && whole.body.utf8.count > 400_000 && whole.body.hasSuffix("]}\n"))
            try await eventually("those over the limit were cut off") { deaf.count { $0.hasHungUp } >= 12 }
        }
    }

    @Test func stormOfScrapes_asksTheGatewayAFewTimes_andAnOrderIsSeenAtOnce() async throws {
        let looks = Recorder<Int>()
        var desk = AdminDesk.testing()
        let snapshot = desk.snapshot
        desk.snapshot = { receiver in
            looks.add(1)
            snapshot(receiver)
        }
        desk.orders.reload = { $0(.done("done")) }
        try await withAdminServer(desk) { path async throws in
            let start = ContinuousClock.now
            for _ in 0..<300 { #expect(try ask("GET", "/metrics", at: path).status == 200) }
            let elapsed = ContinuousClock.now - start
            #expect(looks.count <= 2 + Int(elapsed / .milliseconds(100)), "\(looks.count) looks in \(elapsed)")
            let before = looks.count
            #expect(try ask("POST", "/reload", at: path).status == 200)
            #expect(try ask("GET", "/metrics", at: path).status == 200)
            #expect(looks.count == before + 1)
        }
    }

    @Test func descriptorsThatRunOut_letAListenerRest_andTheClientIsServedWhenThereAreSome() async throws {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            var settings = Settings.defaults
            settings.adminSocket = folder.path(of: "s")
            guard let server = await AdminServer.open(settings, desk: .testing(), logger: .silent) else {
                exit(1)
            }
            let client = try RawClient(folder.path(of: "s"), isHeldBack: true)
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let plenty = limit.rlim_cur
            limit.rlim_cur = 0  // no new one, whatever its number would be
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            try client.connect(folder.path(of: "s"))
            try client.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            let before = processTime()
            usleep(500_000)  // the time in which it could spin
            let used = processTime() - before
            guard used < .milliseconds(150) else { exit(2) }
            guard !client.received.contains("200 OK") else { exit(3) }
            limit.rlim_cur = plenty
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            try await eventually("it is answered") { client.received.contains("200 OK") }
            await server.close()
        }
    }
}
