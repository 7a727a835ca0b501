import Foundation
import Gateway
import GatewayTesting
import Testing

extension RealComponents {
    /// What an operator sees while real members die: every surface of the real program.
    @Suite(.serialized)
    struct StatusTests {
        @Test func deathOfAMember_isSeenOnEverySurface() async throws {
            let cluster = try await EtcdCluster()
            let observed = try await ObservedGateway(["--endpoints=\(cluster.endpoints)"])
            let request = PlainRequest(at: observed.gateway.address)
            #expect(await request.run().failure == nil)
            let pinned = try await observed.gateway.memberInUse(of: cluster)
            let before = try await observed.command("status")
            #expect(before.exit == .code(0) && before.output.contains(">  \(pinned.address)"))
            #expect(try await observed.metric("etcd_gateway_endpoint_up{endpoint=\"\(pinned.address)\"}") == 1)

            try await pinned.kill()
            #expect(await request.run().failure == nil)
            try await eventually("the status says that it is down") {
                try await observed.status().endpoints.first { $0.name == pinned.address }?.state == .down
            }
            let status = try await observed.status()
            let down = try #require(status.endpoints.first { $0.name == pinned.address })
            #expect(down.reason == "connection refused" && down.role == .out && down.lastError == "connection refused")
            #expect(status.isReady && status.endpoints.count { $0.role == .serving } == 1)
            #expect(status.events.contains { $0.line.message == "deactivated endpoint" })
            #expect(status.traffic.opened >= 2 && status.traffic.bytesUp > 0 && status.traffic.bytesDown > 0)

            let screen = try await observed.command("status")
            #expect(screen.exit == .code(0) && screen.output.contains("ready, not all endpoints work"))
            #expect(screen.output.contains("   \(pinned.address)  down"), "\(screen.output)")
            #expect(!screen.output.contains("\u{1B}"), "no colours in a pipe")
            let why = try await observed.command("explain")
            #expect(why.output.contains("\(pinned.address)  last resort  connection refused"), "\(why.output)")
            let page = try await WebRequest.run(observed.web, "/")
            #expect(page.type.hasPrefix("text/html") && page.body.contains("<span class=\"state down\">down</span>"))
            #expect(try await observed.metric("etcd_gateway_endpoint_up{endpoint=\"\(pinned.address)\"}") == 0)
            #expect(try await observed.metric("etcd_gateway_failovers_total{reason=\"refused\"}") == 1)
            #expect(try await WebRequest.run(observed.web, "/readyz").status == 200)
        }

        @Test func whenNobodyIsLeft_everySurfaceSaysSo_andHeldClientsAreCounted() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let observed = try await ObservedGateway(["--endpoints=\(cluster.endpoints)", "--hold-timeout=1m"])
            #expect(await PlainRequest(at: observed.gateway.address).run().failure == nil)
            try await cluster.members[0].kill()
            let held = Task { await PlainRequest(at: observed.gateway.address, within: .seconds(60)).run() }
            try await eventually("a client is held") { try await observed.status().traffic.heldClients == 1 }
            #expect(try await WebRequest.run(observed.web, "/readyz").status == 503)
            #expect(try await WebRequest.run(observed.web, "/healthz").status == 200)
            let screen = try await observed.command("status")
            #expect(screen.exit == .code(1) && screen.output.contains("NOBODY ANSWERS"))
            #expect(screen.output.contains("1 held because nobody answers"))
            #expect(try await observed.metric("etcd_gateway_held_clients") == 1)
            let sessions = try await observed.command("sessions")
            #expect(sessions.output.contains("dialing"), "\(sessions.output)")

            try cluster.members[0].start()
            #expect(await held.value.failure == nil)
            try await eventually("ready again") { try await WebRequest.run(observed.web, "/readyz").status == 200 }
        }

        @Test func metrics_areWhatPromtoolWants_andNeverFall() async throws {
            let cluster = try await EtcdCluster()
            let observed = try await ObservedGateway(["--endpoints=\(cluster.endpoints)", "--policy=round-robin"])
            let requests = RequestLoop(PlainRequest(at: observed.gateway.address))
            try await requests.wait(for: 50, startedAfter: .now - .seconds(60))
            let first = try await WebRequest.run(observed.web, "/metrics")
            try await cluster.members[0].kill()
            try await requests.wait(for: 50, startedAfter: .now)
            _ = try await requests.stop()
            let second = try await WebRequest.run(observed.web, "/metrics")

            for text in [first.body, second.body] {
                let folder = try TemporaryFolder()
                let file = folder.path(of: "metrics")
                try text.write(toFile: file, atomically: true, encoding: .utf8)
                let promtool = try ChildProcess(ToolBox.tool("promtool"), ["check", "metrics"], input: file)
                let exit = try await promtool.waitForExit()
                #expect(exit == .code(0), "\(promtool.output)\(promtool.errors)")
                #expect(promtool.output + promtool.errors == "")
            }
            let counters = { (text: String) in
                let names = text.matches(of: #/# TYPE (\S+) counter/#).map { String($0.output.1) }
                let samples = text.split(separator: "\n").filter { line in names.contains { line.hasPrefix($0) } }
                return Dictionary(
                    uniqueKeysWithValues: samples.compactMap { line -> (Substring, Double)? in
                        guard let gap = line.lastIndex(of: " "), let value = Double(line[line.index(after: gap)...])
                        else {
                            return nil
                        }
                        return (line[..<gap], value)
                    })
            }
            let (before, after) = (counters(first.body), counters(second.body))
            #expect(before.count > 40)
            #expect(before.allSatisfy { after[$0.key].map { $0 } ?? -1 >= $0.value })
            // A series that began with 1 would have no increase, and its alert would not ring.
            for name in [
                "pauses_total{error=\"limit\"}", "pauses_total{error=\"EMFILE\"}", "errors_total{errno=\"EMFILE\"}",
            ] {
                #expect(before["etcd_gateway_accept_\(name)"] == 0)
            }
            let opened = before.filter { $0.key.contains("connections_total") && $0.key.contains("opened") }
            #expect(opened.count == 3 && opened.values.allSatisfy { $0 > 0 }, "each got its share: \(opened)")
        }

        @Test func liveSessions_areListed_withTheirClientAndEndpoint() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let observed = try await ObservedGateway(["--endpoints=\(cluster.endpoints)"])
            let etcdctl = try cluster.etcdctl(observed.gateway.address)
            let watch = try etcdctl.start(["watch", "news", "--rev=1"])
            try await etcdctl("put", "news", "here")
            try await watch.waitForText("here\n")
            let list = try await observed.command("sessions", "--json", "--sort=age", "--limit=5")
            let sessions = try #require(JSON(parsing: list.output).flatMap { SessionList($0) })
            let session = try #require(sessions.sessions.first)
            #expect(session.endpoint == cluster.members[0].address && session.client.hasPrefix("127.0.0.1:"))
            #expect(session.state == .open && session.bytesUp > 0 && session.bytesDown > 0 && session.age > .zero)
            let table = try await observed.command("sessions")
            #expect(table.output.contains("\(session.client)  \(session.endpoint)  open"), "\(table.output)")
            #expect(try await observed.status().traffic.sessions == UInt64(sessions.total))
        }

        @Test func logLevel_changesAtRunTime() async throws {
            let members = try await [EtcdCluster(size: 1), EtcdCluster(size: 1)]
            let endpoints = members.map(\.endpoints).joined(separator: ",")
            let observed = try await ObservedGateway(["--endpoints=\(endpoints)"])
            let order = try await observed.command("log-level", "error")
            #expect(order.exit == .code(0) && order.output == "lines are logged from error on\n")
            #expect(try await observed.status().program.logLevel == "error")
            for cluster in members {
                try await cluster.members[0].kill()
            }
            try await eventually("it is told that nobody is left") {
                _ = await PlainRequest(at: observed.gateway.address, within: .milliseconds(100)).run()
                return observed.gateway.log.contains { $0.contains("no endpoint answers") }
            }
            #expect(
                !observed.gateway.log.contains { $0.contains("deactivated endpoint") },
                "a warning is less than an error")
        }

        @Test func ordersOverTCP_areRefused() async throws {
            let observed = try await ObservedGateway(["--endpoints=127.0.0.1:1"])
            #expect(try await WebRequest.run(observed.web, "/log-level?level=debug", method: "POST").status == 403)
            #expect(try await observed.status().program.logLevel == "info")
        }

        @Test func watching_showsItInPlace_onATerminal_andPutsTheTerminalBack() async throws {
            let observed = try await ObservedGateway(["--endpoints=127.0.0.1:1"])
            let program = try ToolBox.gateway()
            let watch = "stty cols 90 rows 20; exec timeout -s INT 3.5 \(program) status --watch \(observed.socketFlag)"
            let terminal = try ChildProcess("/usr/bin/script", ["-qec", watch, "/dev/null"])
            _ = try await terminal.waitForExit()
            let screens = terminal.output.split(separator: "\u{1B}[H", omittingEmptySubsequences: false)
            #expect(screens.count >= 4, "\(screens.count) looks in three and a half seconds")
            #expect(screens[0] == "\u{1B}[?1049h\u{1B}[?25l" && terminal.output.hasSuffix("\u{1B}[?25h\u{1B}[?1049l"))
            for screen in screens.dropFirst() {
                let lines = screen.replacing(#/\u{1B}\[[0-9;?]*[A-Za-z]/#, with: "").split(
                    separator: "\r\n", omittingEmptySubsequences: false)
                #expect(lines.count <= 19 && lines.allSatisfy { $0.count <= 90 }, "it fits: \(lines)")
                #expect(lines[0].hasPrefix("etcd-gateway "))
            }
            #expect(screens.last?.contains("NOBODY ANSWERS") == true)
        }

        @Test func withoutAGateway_everyCommandSaysSo() async throws {
            for words in [
                ["status"], ["sessions"], ["explain"], ["reload"], ["status", "--json"], ["status", "--watch"],
            ] {
                let process = try ChildProcess(ToolBox.gateway(), words + ["--admin-socket=/nonexistent/admin.sock"])
                #expect(try await process.waitForExit() == .code(1), "\(words)")
                #expect(process.errors.contains("no gateway listens on /nonexistent/admin.sock"), "\(process.errors)")
            }
        }

        @Test(arguments: [
            ["status", "--sort=age"], ["explain", "--watch"], ["start", "--json"], ["sessions", "--sort=colour"],
            ["sessions", "--limit=0"], ["log-level", "loud"], ["log-level"], ["drain"], ["status", "--policy=pinned"],
            ["status", "now"],
        ])
        func wrongCommandLines_end2(words: [String]) async throws {
            let process = try ChildProcess(ToolBox.gateway(), words)
            #expect(try await process.waitForExit() == .code(2), "\(process.output)\(process.errors)")
        }
    }
}
