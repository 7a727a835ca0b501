import Foundation
import Gateway
import GatewayTesting
import Testing

extension RealComponents {
    /// SIGTERM: no new session, open ones have their time, and a second signal ends it now.
    @Suite(.serialized, .loneMembers)
    struct StopTests {
        private func start(
            _ arguments: String..., environment: [String: String] = [:]
        ) async throws -> GatewayProcess {
            let member = try #require(try LoneMembers.all().first)
            return try await GatewayProcess.ready(
                ["start", "--endpoints=\(member.address)"] + arguments, environment: environment)
        }

        private let half = Array("POST /v3/kv/put HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ".utf8)

        /// A put of this many bytes, in two halves.
        private func put(_ bytes: Int) -> (first: [UInt8], second: [UInt8]) {
            let value = Data(repeating: UInt8(ascii: "v"), count: bytes).base64EncodedString()
            let body = Array("{\"key\":\"c3RvcA==\",\"value\":\"\(value)\"}".utf8)
            let all = half + Array("\(body.count)\r\n\r\n".utf8) + body
            return (Array(all[..<(all.count / 2)]), Array(all[(all.count / 2)...]))
        }

        @Test func transferUnderWay_isFinished_whileNobodyNewIsServed() async throws {
            let gateway = try await start()
            let (first, second) = put(200_000)
            var client: ClientConnection? = try ClientConnection(to: gateway.address)
            try client?.send(first)
            try await eventually("it is dialed") {
                try ProcessSockets.establishedPeers(of: gateway.process.pid).count >= 2
            }
            gateway.process.send(SIGTERM)
            try await gateway.process.waitForText("stopping")
            #expect(throws: (any Error).self) { try ClientConnection(to: gateway.address) }
            try await Task.sleep(for: .milliseconds(500))  // it could be over by now
            #expect(gateway.process.isRunning && client?.hasEnded == false)
            try client?.send(second)
            var answer = ""
            while let more = try? client?.receive(), !more.isEmpty { answer += String(decoding: more, as: UTF8.self) }
            client = nil
            #expect(answer.hasPrefix("HTTP/1.1 200"), "it answered: \(answer)")
            let end = ContinuousClock.now
            #expect(try await gateway.process.waitForExit() == .code(0))
            #expect(ContinuousClock.now - end < .seconds(2), "it ends with the last session")
            #expect(gateway.process.errors.contains("the last session has ended"))
        }

        @Test func whileSessionsEnd_itSaysThatItIsStopping_andIsReadyForNobody() async throws {
            let member = try #require(try LoneMembers.all().first)
            let observed = try await ObservedGateway(["--endpoints=\(member.address)", "--drain-timeout=30s"])
            try await eventually("it is ready") { try await observed.metric("etcd_gateway_ready") == 1 }
            var client: ClientConnection? = try idleClient(of: observed.gateway)
            observed.gateway.process.send(SIGTERM)
            try await observed.gateway.process.waitForText("stopping")
            try await eventually("it says so") { try await observed.status().isStopping }
            #expect(try await !observed.status().isReady)
            // Swift's own pool, which traps where it cannot look at itself in /proc, is not started for the end either.
            let threads = try ProcessActivity.threadNames(of: observed.gateway.process.pid)
            #expect(threads.count { $0 == "etcd-gateway" || $0 == "signals" } == 2, "\(threads)")
            let readiness = try await WebRequest.run(observed.web, "/readyz")
            #expect(readiness.status == 503 && readiness.body.hasPrefix("stopping"), "\(readiness)")
            // What was shown a moment ago may be shown again.
            try await eventually("metrics say so") { try await observed.metric("etcd_gateway_ready") == 0 }
            let screen = try await observed.command("status")
            #expect(screen.exit == .code(1) && screen.output.contains("STOPPING"), "\(screen.output)")
            #expect(client?.hasEnded == false)
            client = nil
            #expect(try await observed.gateway.process.waitForExit() == .code(0))
        }

        /// Nobody has its sessions: they must not end as if all had been said.
        @Test func afterAHandOver_withoutTimeToEnd_sessionsAreReset() async throws {
            let gateway = try await start("--drain-timeout=0")
            let client = try idleClient(of: gateway)
            gateway.process.send(SIGUSR2)
            try await gateway.process.waitForText("sessions of an earlier process go on")
            #expect(try await gateway.stop() == .code(0))
            #expect(throws: (any Error).self) { try client.receive() }
        }

        /// What is stored for the next program alone, with nobody to start one, is not stored for a stop.
        @Test func afterAHandOver_openSessionsHaveTheirTimeAsBefore() async throws {
            let gateway = try await start()
            var client: ClientConnection? = try idleClient(of: gateway)
            gateway.process.send(SIGUSR2)
            try await gateway.process.waitForText("sessions of an earlier process go on")
            gateway.process.send(SIGTERM)
            try await gateway.process.waitForText("stopping")
            try await Task.sleep(for: .milliseconds(500))  // it could be over by now
            #expect(gateway.process.isRunning && client?.hasEnded == false)
            try client?.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            #expect(String(decoding: try client?.receive() ?? [], as: UTF8.self).hasPrefix("HTTP/1.1 200"))
            client = nil
            #expect(try await gateway.process.waitForExit() == .code(0))
            #expect(gateway.process.errors.contains("the last session has ended"))
        }

        private func idleClient(of gateway: GatewayProcess) throws -> ClientConnection {
            let client = try ClientConnection(to: gateway.address)
            try client.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            _ = try client.receive()
            return client
        }

        @Test func sessionThatStays_isResetWhenTheTimeIsOver() async throws {
            let gateway = try await start("--drain-timeout=1s")
            let client = try idleClient(of: gateway)
            let start = ContinuousClock.now
            #expect(try await gateway.stop() == .code(0))
            #expect((.milliseconds(900) ... .seconds(3)).contains(ContinuousClock.now - start))
            #expect(client.hasEnded && gateway.process.errors.contains("the time to end is over"))
        }

        @Test(arguments: [SIGTERM, SIGINT])
        func secondSignal_endsItNow(signal: Int32) async throws {
            let gateway = try await start("--drain-timeout=10m")
            let client = try idleClient(of: gateway)
            gateway.process.send(SIGTERM)
            try await gateway.process.waitForText("stopping")
            #expect(!client.hasEnded)
            let start = ContinuousClock.now
            gateway.process.send(signal)
            #expect(try await gateway.process.waitForExit() == .code(0))
            #expect(ContinuousClock.now - start < .seconds(2))
            #expect(client.hasEnded)
        }

        @Test(arguments: ["loop-0", "control"])
        func secondSignal_endsIt_alsoWhereAThreadIsStuck(thread: String) async throws {
            let gateway = try await start("--drain-timeout=10m", "--loops=1")
            let client = try idleClient(of: gateway)
            let stalled = try await StalledThread(thread, of: gateway.process.pid)
            gateway.process.send(SIGTERM)
            let start = ContinuousClock.now
            gateway.process.send(SIGINT)  // another one: two of the same could be one
            #expect(try await gateway.process.waitForExit(within: .seconds(20)) == .code(1))
            #expect(ContinuousClock.now - start >= .seconds(4), "all others had their time")
            #expect(client.hasEnded && gateway.process.errors.contains("told twice to stop"))
            try await stalled.release()
        }

        @Test func nobodyThere_orNoTime_endsAtOnce() async throws {
            let idle = try await start("--drain-timeout=10m")
            var start = ContinuousClock.now
            #expect(try await idle.stop() == .code(0))
            #expect(ContinuousClock.now - start < .seconds(2))
            let hasty = try await self.start("--drain-timeout=0")
            let client = try idleClient(of: hasty)
            start = ContinuousClock.now
            #expect(try await hasty.stop() == .code(0))
            #expect(ContinuousClock.now - start < .seconds(2) && client.hasEnded)
        }

        @Test func manager_hearsHowManyAreLeft_andHowLong() async throws {
            let sink = try NotifySink()
            let gateway = try await start("--drain-timeout=20s", environment: ["NOTIFY_SOCKET": sink.path])
            let client = try idleClient(of: gateway)
            gateway.process.send(SIGTERM)
            try await eventually("it counts down") {
                sink.values(of: "STATUS").contains("stopping, 1 session left, 18 s")
            }
            #expect(sink.values(of: "STATUS").contains("stopping, 1 session left, 20 s"))
            #expect(sink.values(of: "STOPPING") == ["1"])
            #expect(sink.values(of: "EXTEND_TIMEOUT_USEC") == ["30000000"])
            _ = client
            gateway.process.send(SIGTERM)
            #expect(try await gateway.process.waitForExit() == .code(0))
        }

        @Test func managersSocket_isAcceptedFromNoMore_andAReloadComesTooLate() async throws {
            let member = try #require(try LoneMembers.all().first)
            let port = try FreePort.next()
            let program = try [ToolBox.gateway(), "start", "--endpoints=\(member.address)", "--drain-timeout=10m"]
            let command = PassedSockets.command([("etcd-gateway.socket", .stream(port: port))], program)
            let process = try ChildProcess(command[0], Array(command.dropFirst()))
            try await process.waitForText(GatewayProcess.readyText)
            let client = try ClientConnection(to: "127.0.0.1:\(port)")
            try client.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            _ = try client.receive()
            process.send(SIGTERM)
            try await process.waitForText("stopping")
            // Nobody else has this socket; a real manager has, and then clients wait there.
            #expect(throws: (any Error).self) { try ClientConnection(to: "127.0.0.1:\(port)") }
            process.send(SIGHUP)  // too late
            process.send(SIGTERM)
            #expect(try await process.waitForExit() == .code(0))
            #expect(!process.errors.contains("settings reloaded"))
        }
    }
}
