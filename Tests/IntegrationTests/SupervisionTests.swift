import Foundation
import GatewayTesting
import Testing

extension RealComponents {
    /// The program under a service manager, of which a unix datagram socket and passed sockets are all that it sees.
    @Suite(.serialized)
    struct SupervisionTests {
        private static let nobody = "--endpoints=127.0.0.1:1"

        @Test func manager_hearsReady_howItStands_andStopping() async throws {
            let sink = try NotifySink()
            let gateway = try GatewayProcess(["start", Self.nobody], environment: ["NOTIFY_SOCKET": sink.path])
            try await eventually("ready") { sink.values(of: "READY") == ["1"] }
            _ = try ClientConnection(to: gateway.address)  // it listens by then
            try await eventually("it says for whom it waits") {
                sink.values(of: "STATUS").last?.contains("waiting for 127.0.0.1:1") == true
            }
            #expect(try await gateway.stop() == .code(0))
            try await eventually("stopping") { sink.values(of: "STOPPING") == ["1"] }
            #expect(sink.values(of: "WATCHDOG").isEmpty)
        }

        @Test(arguments: ["loop-0", "loop-1", "control"])
        func watchdog_isFed_untilOneThreadStalls(thread: String) async throws {
            let sink = try NotifySink()
            let environment = ["NOTIFY_SOCKET": sink.path, "WATCHDOG_USEC": "200000"]
            let gateway = try GatewayProcess(["start", Self.nobody, "--loops=2"], environment: environment)
            try await eventually("fed") { sink.values(of: "WATCHDOG").count >= 5 }
            let stalled = try await StalledThread(thread, of: gateway.process.pid)
            try await eventually("feeding stops") {
                let before = sink.values(of: "WATCHDOG").count
                try await Task.sleep(for: .seconds(1))  // five times what the manager would wait
                return sink.values(of: "WATCHDOG").count == before
            }
            try await stalled.release()
            let before = sink.values(of: "WATCHDOG").count
            try await eventually("fed again") { sink.values(of: "WATCHDOG").count > before + 2 }
        }

        @Test func watchdogForAnotherProcess_isNotFed() async throws {
            let sink = try NotifySink()
            let environment = ["NOTIFY_SOCKET": sink.path, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"]
            let gateway = try await GatewayProcess.ready(["start", Self.nobody], environment: environment)
            #expect(try await gateway.stop() == .code(0))
            #expect(sink.values(of: "READY") == ["1"])
            #expect(sink.values(of: "WATCHDOG").isEmpty)
        }

        private func start(
            _ sockets: [(name: String, kind: PassedSockets.Kind)], _ arguments: [String] = []
        ) throws -> ChildProcess {
            let program = try [ToolBox.gateway(), "start", Self.nobody] + arguments
            let command = PassedSockets.command(sockets, program)
            return try ChildProcess(command[0], Array(command.dropFirst()))
        }

        @Test func passedSockets_areServed_andComeBeforeTheSettings() async throws {
            let folder = try TemporaryFolder()
            let (port, unused) = (try FreePort.next(), try FreePort.next())
            let path = folder.path(of: "client.sock")
            let gateway = try start(
                [("etcd-gateway.socket", .stream(port: port)), ("local", .path(path))],
                ["--listen-addr=127.0.0.1:\(unused)", "--hold-timeout=0", "--loops=2"])
            try await gateway.waitForText(GatewayProcess.readyText)
            let ready = try #require(
                gateway.errors.split(separator: "\n").first { $0.contains(GatewayProcess.readyText) })
            #expect(ready.contains("127.0.0.1:\(port)") && ready.contains("unix://\(path)"))
            #expect(!ready.contains("127.0.0.1:\(unused)"))
            #expect(gateway.errors.contains("--listen-addr is not used"))
            #expect(gateway.errors.contains("etcd-gateway.socket"))
            // Nobody is there to be dialed and nobody is held: who is accepted is told so at once.
            let client = try ClientConnection(to: "127.0.0.1:\(port)")
            try await eventually("the client was accepted and reset") { client.hasEnded }
            #expect(throws: (any Error).self) { try ClientConnection(to: "127.0.0.1:\(unused)") }
        }

        @Test(arguments: [PassedSockets.Kind.datagram, .idle, .file])
        func whatCannotBeListenedOn_endsItWithCode2(kind: PassedSockets.Kind) async throws {
            let gateway = try start([("web", kind)])
            #expect(try await gateway.waitForExit() == .code(2))
            #expect(gateway.errors.contains("(web) is no listening stream socket"), "it said: \(gateway.errors)")
        }
    }
}
