import CSplice
import Gateway
import GatewayTesting
import Glibc
import Logging
import Synchronization
import Testing

@testable import GatewayRuntime

/// The admin server with real clients, and a desk that says what a test wants.
@Suite struct AdminServerTests {
    private static let status = GatewayStatus(
        time: WallTime(milliseconds: 0),
        program: GatewayStatus.Program(
            version: "1", process: 1, uptime: .seconds(1), policy: "pinned", listeners: [], logLevel: "info"),
        isReady: true, traffic: GatewayTraffic(), endpoints: [], discovery: nil, events: [])

    fileprivate static func desk(isReady: Bool = true) -> AdminDesk {
        AdminDesk(
            snapshot: { receiver in
                var status = status
                status.isReady = isReady
                receiver(
                    MetricsSnapshot(
                        status: status, traffic: [:], sessionTimes: Histogram(bounds: Histogram.sessionBounds),
                        ends: [], acceptErrors: [], acceptPauses: [], failovers: Tally(),
                        counts: MetricsSnapshot.Counts(), loops: []))
            },
            explanation: { $0(Explanation(policy: "pinned", heldClients: 0, rows: [])) },
            sessions: { $0(SessionFindings()) })
    }

    private func withServer(_ desk: AdminDesk = desk(), _ body: (String) async throws -> Void) async throws {
        let folder = try TemporaryFolder()
        var settings = Settings.defaults
        settings.adminSocket = folder.path(of: "admin.sock")
        let path = try #require(settings.adminSocket)
        let server = try #require(await AdminServer.open(settings, desk: desk, logger: .silent))
        do {
            try await body(path)
        } catch {
            await server.close()
            throw error
        }
        await server.close()
        #expect(access(path, F_OK) == -1, "its file is gone")
    }

    private func ask(_ method: String, _ target: String, at path: String) throws -> (status: Int, body: String) {
        let answer = try AdminClient(path: path).ask(method, target)
        return (answer.status, answer.body)
    }

    @Test func everyReading_isAnswered() async throws {
        try await withServer { path async throws in
            #expect(try ask("GET", "/healthz", at: path) == (200, "ok\n"))
            #expect(try ask("GET", "/readyz", at: path).status == 200)
            let status = try ask("GET", "/status", at: path)
            #expect(JSON(parsing: status.body).flatMap { GatewayStatus($0) } == Self.status)
            let metrics = try ask("GET", "/metrics", at: path)
            #expect(metrics.body.contains("\netcd_gateway_ready 1\n") && metrics.body.contains("\nprocess_open_fds "))
            #expect(try ask("GET", "/", at: path).body.hasPrefix("<!doctype html>"))
            #expect(try ask("GET", "/explain", at: path).body.contains("\"policy\":\"pinned\""))
            #expect(try ask("GET", "/sessions?limit=3", at: path).body.contains("\"total\":0"))
            #expect(try ask("GET", "/nothing", at: path).status == 404)
            #expect(try ask("POST", "/status", at: path).status == 405)
        }
    }

    @Test func notReady_is503() async throws {
        try await withServer(Self.desk(isReady: false)) { path async throws in
            #expect(try ask("GET", "/readyz", at: path).status == 503)
            #expect(try ask("GET", "/healthz", at: path).status == 200)
        }
    }

    @Test func orders_areCarriedOut_refused_orUnknown() async throws {
        let drained = Recorder<String>()
        var desk = Self.desk()
        desk.orders.drain = { endpoint, receiver in
            drained.add(endpoint)
            receiver(endpoint == "a:1" ? .done("drained") : .refused("there is no such endpoint"))
        }
        try await withServer(desk) { path async throws in
            #expect(try ask("POST", "/drain?endpoint=a:1", at: path) == (200, "drained\n"))
            #expect(try ask("POST", "/drain?endpoint=b:1", at: path).status == 409)
            #expect(try ask("POST", "/reload", at: path).status == 501)
            #expect(try ask("GET", "/drain?endpoint=a:1", at: path).status == 405)
            #expect(drained.all == ["a:1", "b:1"])
        }
    }

    @Test func whoIsNeitherRootNorOurUser_mayLookAndNotOrder() {
        #expect(PeerCredentials(process: 1, user: 0, group: 5).mayOrder)
        #expect(PeerCredentials(process: 1, user: geteuid(), group: 5).mayOrder)
        #expect(!PeerCredentials(process: 1, user: geteuid() + 1, group: 0).mayOrder)
        #expect(!PeerCredentials().mayOrder)
    }

    @Test func deskThatDoesNotAnswer_is503_andHoldsNobody() async throws {
        var desk = Self.desk()
        desk.explanation = { _ in }
        try await withServer(desk) { path async throws in
            let start = ContinuousClock.now
            #expect(try ask("GET", "/explain", at: path).status == 503)
            #expect(ContinuousClock.now - start < .seconds(5))
            #expect(try ask("GET", "/healthz", at: path).status == 200)
        }
    }

    @Test func slowAndIdleClients_areCutOff_whileOthersAreServed() async throws {
        try await withServer { path async throws in
            let slow = try RawClient(path)
            let idle = try RawClient(path)
            try slow.send("GET /status HTTP/1.1\r\nhost: x\r\n")
            #expect(try ask("GET", "/healthz", at: path).status == 200)
            try await eventually("both are closed", within: .seconds(15)) { slow.isClosed && idle.isClosed }
        }
    }

    @Test func garbage_andLargeBodies_endTheConnection() async throws {
        try await withServer { path async throws in
            let garbage = try RawClient(path)
            try garbage.send("\u{1}\u{2}\u{3}\r\n\r\n")
            let large = try RawClient(path)
            try large.send("POST /reload HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
            try large.send(String(repeating: "x", count: 60_000))
            let head = try RawClient(path)
            for _ in 0..<40 { try? head.send("x-\(UUIDText.next()): " + String(repeating: "y", count: 8000) + "\r\n") }
            try await eventually("closed before anybody's patience ends", within: .seconds(4)) {
                garbage.isClosed && large.isClosed
            }
            #expect(try ask("GET", "/healthz", at: path).status == 200)
        }
    }

    @Test func whoComesWhenAllPlacesAreTaken_getsThatOfWhoHasDoneNothingForLongest() async throws {
        try await withServer { path async throws in
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
        var desk = Self.desk()
        var summary = csp_session_summary()
        summary.state = .CSP_SESSION_OPEN
        let session = SessionCensus.Found(loop: 0, session: summary)
        let all = SessionFindings(found: Array(repeating: session, count: 3000))
        desk.sessions = { $0(all) }
        try await withServer(desk) { path async throws in
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
        var desk = Self.desk()
        let snapshot = desk.snapshot
        desk.snapshot = { receiver in
            looks.add(1)
            snapshot(receiver)
        }
        desk.orders.reload = { $0(.done("done")) }
        try await withServer(desk) { path async throws in
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
            guard let server = await AdminServer.open(settings, desk: AdminServerTests.desk(), logger: .silent) else {
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

    @Test func oneConnection_takesSeveralRequests() async throws {
        try await withServer { path async throws in
            let client = try RawClient(path)
            let request = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
            try client.send(request + request)
            try client.send(request)
            try await eventually("three answers") { client.received.components(separatedBy: "200 OK").count == 4 }
            #expect(!client.isClosed)
        }
    }

    @Test func abandonedSocketFile_isReplaced_aLivingOneIsNot_andNothingElseEither() throws {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "s")
        let first = try UnixListener(path: path, mode: 0o660)
        #expect(listen(first.descriptor, 1) == 0)
        #expect(throws: SystemError.self) { try UnixListener(path: path, mode: 0o660) }
        close(first.descriptor)
        let second = try UnixListener(path: path, mode: 0o660)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o660)
        first.removeFile()
        #expect(access(path, F_OK) == 0, "it is the second one's")
        second.removeFile()
        #expect(access(path, F_OK) == -1)
        close(second.descriptor)
        let file = folder.path(of: "file")
        close(open(file, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: SystemError.self) { try UnixListener(path: file, mode: 0o660) }
        #expect(access(file, F_OK) == 0)
    }

    @Test func nothingToServe_isNoServer() async {
        let server = await AdminServer.open(.defaults, desk: Self.desk(), logger: .silent)
        #expect(server == nil)
    }

    @Test func addressInUse_isNoReasonNotToServe() async throws {
        let taken = try NamingServer("x")
        var settings = Settings.defaults
        settings.metricsAddress = taken.address
        let server = try #require(await AdminServer.open(settings, desk: Self.desk(), logger: .silent))
        await server.close()
    }

    @Test func clientWithoutAGateway_saysWhatToDo() throws {
        let error = #expect(throws: AdminClient.Failure.self) {
            try AdminClient(path: "/nonexistent/admin.sock").ask("GET", "/status")
        }
        #expect(error?.description.contains("is it running") == true)
    }
}

extension Logger {
    fileprivate static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// A name that was not used before.
private enum UUIDText {
    private static let number = Atomic<Int>(0)
    static func next() -> Int { number.add(1, ordering: .relaxed).newValue }
}

/// A client that says what it likes.
private final class RawClient {
    private let descriptor: Int32
    private var text = ""

    /// One that is held back does not connect yet.
    init(_ path: String, isHeldBack: Bool = false) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        if !isHeldBack { try connect(path) }
    }

    func connect(_ path: String) throws {
        guard var address = UnixAddress(path), address.withPointer({ Glibc.connect(descriptor, $0, $1) }) == 0 else {
            throw TestingError("connect to \(path): errno \(errno)")
        }
    }

    /// Whether the server has closed it, without reading what came before.
    var hasHungUp: Bool {
        var state = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&state, 1, 0) == 1 && state.revents & Int16(POLLHUP) != 0
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws {
        var text = text
        text.withUTF8 { _ = Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// All that came so far.
    var received: String {
        _ = isClosed
        return text
    }

    /// Whether the server has closed it; what came before is kept.
    var isClosed: Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count == 0 || count == -1 && errno != EAGAIN { return true }
            guard count > 0 else { return false }
            text += String(decoding: chunk[..<count], as: UTF8.self)
        }
    }
}

/// CPU time of this process so far.
private func processTime() -> Duration {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return .seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + .microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
}

extension String {
    fileprivate func components(separatedBy text: String) -> [Substring] {
        split(separator: text, omittingEmptySubsequences: false)
    }
}
