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
    @Test func everyReading_isAnswered() async throws {
        try await withAdminServer { path async throws in
            #expect(try ask("GET", "/healthz", at: path) == (200, "ok\n"))
            #expect(try ask("GET", "/readyz", at: path).status == 200)
            let status = try ask("GET", "/status", at: path)
            #expect(JSON(parsing: status.body).flatMap { GatewayStatus($0) } == AdminDesk.status)
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
        try await withAdminServer(AdminDesk.testing(isReady: false)) { path async throws in
            #expect(try ask("GET", "/readyz", at: path).status == 503)
            #expect(try ask("GET", "/healthz", at: path).status == 200)
        }
    }

    @Test func orders_areCarriedOut_refused_orUnknown() async throws {
        let drained = Recorder<String>()
        var desk = AdminDesk.testing()
        desk.orders.drain = { endpoint, receiver in
            drained.add(endpoint)
            receiver(endpoint == "a:1" ? .done("drained") : .refused("there is no such endpoint"))
        }
        try await withAdminServer(desk) { path async throws in
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

    @Test func oneConnection_takesSeveralRequests() async throws {
        try await withAdminServer { path async throws in
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
        let server = await AdminServer.open(.defaults, desk: AdminDesk.testing(), logger: .silent)
        #expect(server == nil)
    }

    @Test func addressInUse_isNoReasonNotToServe() async throws {
        let taken = try NamingServer("x")
        var settings = Settings.defaults
        settings.metricsAddress = taken.address
        let server = try #require(await AdminServer.open(settings, desk: AdminDesk.testing(), logger: .silent))
        await server.close()
    }

    @Test func clientWithoutAGateway_saysWhatToDo() throws {
        let error = #expect(throws: AdminClient.Failure.self) {
            try AdminClient(path: "/nonexistent/admin.sock").ask("GET", "/status")
        }
        #expect(error?.description.contains("is it running") == true)
    }
}
