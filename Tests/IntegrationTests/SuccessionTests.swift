import Foundation
import GatewayTesting
import Testing

extension RealComponents {
    /// SIGUSR2: the gateway becomes the program that is installed now, and no session notices.
    @Suite(.serialized, .loneMembers)
    struct SuccessionTests {
        private static let handedOver = "sessions of an earlier process go on"
        private static let refused = "not fit to take over; nothing has changed"

        /// A gateway whose program is a file of its own, so that it can be replaced.
        private struct Installed {
            let folder: TemporaryFolder
            let program: String
            let address: String
            let process: ChildProcess

            /// `by`: what starts it, in front of its own words.
            init(settings: [String: String] = [:], by starter: [String] = []) async throws {
                let member = try #require(try LoneMembers.all().first)
                folder = try TemporaryFolder()
                program = folder.path + "/etcd-gateway"
                try FileManager.default.copyItem(atPath: ToolBox.gateway(), toPath: program)
                address = try "127.0.0.1:\(FreePort.next())"
                let words =
                    starter + [
                        program, "start", "--endpoints=\(member.address)", "--listen-addr=\(address)",
                        "--health-check=tcp",
                    ]
                process = try ChildProcess(words[0], Array(words.dropFirst()), environment: settings)
                try await process.waitForText(GatewayProcess.readyText)
            }

            /// Puts another program in its place, as a package manager does: under another name first.
            func replace(by other: String) throws {
                try FileManager.default.copyItem(atPath: other, toPath: program + ".new")
                #expect(rename(program + ".new", program) == 0)
            }

            /// Sends the signal, and waits until the log tells once more what came of it.
            func hasHandedOver(_ text: String = SuccessionTests.handedOver) async throws {
                let before = process.errors.components(separatedBy: text).count
                process.send(SIGUSR2)
                try await eventually("it says '\(text)'; it said: \(process.errors)") {
                    process.errors.components(separatedBy: text).count > before
                }
            }
        }

        private func answers(_ client: ClientConnection) throws -> Bool {
            try client.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            return String(decoding: try client.receive(), as: UTF8.self).contains("etcdserver")
        }

        @Test func sessions_goOnInTheSameProcess_againAndAgain() async throws {
            let gateway = try await Installed()
            let clients = try (0..<20).map { _ in try ClientConnection(to: gateway.address) }
            for client in clients { #expect(try answers(client)) }
            let pid = gateway.process.pid
            for _ in 0..<4 {
                try gateway.replace(by: ToolBox.gateway())
                try await gateway.hasHandedOver()
                for client in clients { #expect(try answers(client)) }
                #expect(try answers(ClientConnection(to: gateway.address)))
            }
            #expect(gateway.process.isRunning && gateway.process.pid == pid)
            gateway.process.send(SIGTERM)
            try await gateway.process.waitForText("stopping")
            gateway.process.send(SIGTERM)
            #expect(try await gateway.process.waitForExit() == .code(0))
        }

        /// Another program would find the port taken, and end with all sessions.
        @Test func settingsWithWhichNobodyCouldBegin_areRefusedBeforeIt() async throws {
            let member = try #require(try LoneMembers.all().first)
            let (own, taken) = ("127.0.0.1:\(try FreePort.next())", "127.0.0.1:\(try FreePort.next())")
            let other = try await GatewayProcess.ready(
                ["start", "--endpoints=\(member.address)", "--listen-addr=\(taken)"])
            let settings = { (addresses: String) in ["ENDPOINTS": member.address, "LISTEN_ADDR": addresses] }
            let gateway = try await GatewayWithFile(settings(own))
            let client = try ClientConnection(to: own)
            #expect(try answers(client))
            try gateway.write(settings("\(own),\(taken)"))
            gateway.process.send(SIGUSR2)
            try await gateway.process.waitForText("cannot hand over; this process goes on")
            #expect(gateway.process.errors.contains(taken), "\(gateway.process.errors)")
            #expect(try answers(client) && answers(ClientConnection(to: own)))
            _ = try await other.stop()
            gateway.process.send(SIGUSR2)
            try await gateway.process.waitForText(Self.handedOver)
            #expect(try answers(client) && answers(ClientConnection(to: taken)))
        }

        /// Each opens or closes a listener, while the others are being handed over.
        @Test func reloads_besideHandOvers_disturbNeither() async throws {
            let member = try #require(try LoneMembers.all().first)
            let (first, second) = ("127.0.0.1:\(try FreePort.next())", "127.0.0.1:\(try FreePort.next())")
            let settings = { (both: Bool) in
                ["ENDPOINTS": member.address, "LISTEN_ADDR": both ? "\(first),\(second)" : first]
            }
            let gateway = try await GatewayWithFile(settings(true))
            let client = try ClientConnection(to: first)
            #expect(try answers(client))
            for round in 1...30 {
                try gateway.write(settings(round % 2 == 0))
                gateway.process.send(SIGHUP)
                gateway.process.send(SIGUSR2)
                if round % 3 == 0 { try await Task.sleep(for: .milliseconds(10 * round)) }
            }
            try await gateway.reload(settings(true))
            #expect(try answers(client))
            for address in [first, second] { #expect(try answers(ClientConnection(to: address)), "\(address)") }
            #expect(gateway.process.errors.contains(Self.handedOver))
        }

        @Test func statusAndMetrics_areServedAfterwards_andNoDescriptorIsLeft() async throws {
            let (folder, metrics) = (try TemporaryFolder(), "127.0.0.1:\(try FreePort.next())")
            let gateway = try await Installed(settings: [
                "ETCD_GATEWAY_METRICS_ADDR": metrics, "ETCD_GATEWAY_ADMIN_SOCKET": folder.path(of: "admin.sock"),
            ])
            let client = try ClientConnection(to: gateway.address)
            #expect(try answers(client))
            // A client of the admin server that stays: its connection must not stay with the next program.
            let kept = try ClientConnection(to: metrics)
            try kept.send(Array("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            #expect(try !kept.receive().isEmpty)
            var descriptors: [Int] = []
            for _ in 0..<4 {
                try await gateway.hasHandedOver()
                try await eventually("metrics are served: \(gateway.process.errors)") {
                    (try? await WebRequest.run(metrics, "/metrics").status) == 200
                }
                descriptors.append(try ProcessSockets.descriptorCount(of: gateway.process.pid))
            }
            #expect(try answers(client) && kept.hasEnded)
            // Connections of those who ask for metrics come and go.
            #expect(try #require(descriptors.last) <= descriptors[0] + 2, "\(descriptors)")
            #expect(!gateway.process.errors.contains("cannot be served"), "\(gateway.process.errors)")
        }

        @Test func transferUnderWay_losesNoByte() async throws {
            let gateway = try await Installed()
            let client = try ClientConnection(to: gateway.address)
            let value = Data((0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }).base64EncodedString()
            let body = "{\"key\":\"c3VjY2Vzc2lvbg==\",\"value\":\"\(value)\"}"
            let request = Array(
                "POST /v3/kv/put HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
            // Over two hand-overs, with half of it on the way at each.
            try client.send(Array(request[..<400_000]))
            try await gateway.hasHandedOver()
            try client.send(Array(request[400_000..<800_000]))
            try await gateway.hasHandedOver()
            try client.send(Array(request[800_000...]))
            #expect(String(decoding: try client.receive(), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
            let question = "{\"key\":\"c3VjY2Vzc2lvbg==\"}"
            try client.send(
                Array(
                    "POST /v3/kv/range HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(question.utf8.count)\r\n\r\n\(question)"
                        .utf8))
            var answer = ""
            while let more = try? client.receive(), !more.isEmpty { answer += String(decoding: more, as: UTF8.self) }
            // Chunks: their sizes stand between the pieces of the value.
            let pieces = answer.components(separatedBy: "\r\n")
            #expect(pieces.joined().contains(value) || answer.contains(value))
        }

        @Test(arguments: ["/bin/true", "/bin/false", "/bin/cat", "/etc/passwd"])
        func unfitProgram_changesNothing(other: String) async throws {
            let gateway = try await Installed()
            let client = try ClientConnection(to: gateway.address)
            #expect(try answers(client))
            try gateway.replace(by: other)
            try await gateway.hasHandedOver(Self.refused)
            #expect(try answers(client) && answers(ClientConnection(to: gateway.address)))
            try gateway.replace(by: ToolBox.gateway())
            try await gateway.hasHandedOver()
            #expect(try answers(client))
        }

        /// Who has started it does not care for children (SIGCHLD); that must not hide how the one that proves itself has ended.
        @Test func parentThatIgnoresItsChildren_changesNothing() async throws {
            let gateway = try await Installed(by: ["/usr/bin/env", "--ignore-signal=CHLD"])
            let client = try ClientConnection(to: gateway.address)
            #expect(try answers(client))
            try await gateway.hasHandedOver()
            #expect(try answers(client))
        }

        /// What stops the unit stops the program that proves itself; nobody waits the 5 s that it may take.
        @Test func programThatProvesItself_canBeToldToStop() async throws {
            let gateway = try await Installed()
            let folder = try TemporaryFolder()
            let suicidal = try folder.write("#!/bin/sh\nkill -TERM $$\nexec sleep 60\n", to: "suicidal")
            #expect(chmod(suicidal, 0o755) == 0)
            try gateway.replace(by: suicidal)
            let start = ContinuousClock.now
            try await gateway.hasHandedOver(Self.refused)
            #expect(ContinuousClock.now - start < .seconds(4))
        }

        /// Told to stop at any moment of a hand-over: it ends, and does not become another one that knows nothing of it.
        @Test func stop_duringHandOver_isNotForgotten() async throws {
            let seed = UInt64.random(in: 0 ... .max)
            var generator = SeededGenerator(seed: seed)
            for _ in 0..<6 {
                let gateway = try await Installed(settings: ["ETCD_GATEWAY_DRAIN_TIMEOUT": "200ms"])
                let client = try ClientConnection(to: gateway.address)
                #expect(try answers(client))
                let pause = Int.random(in: 0...400, using: &generator)
                gateway.process.send(SIGUSR2)
                try await Task.sleep(for: .milliseconds(pause))
                gateway.process.send(SIGTERM)
                #expect(
                    try await gateway.process.waitForExit() == .code(0),
                    "after \(pause) ms, seed \(seed): \(gateway.process.errors)")
            }
        }

        @Test func settingsThatWouldNotDo_changeNothing() async throws {
            let folder = try TemporaryFolder()
            let file = try folder.write("ETCD_GATEWAY_DIAL_TIMEOUT=1s\n", to: "settings")
            let gateway = try await Installed(settings: ["ETCD_GATEWAY_CONFIG_FILE": file])
            let client = try ClientConnection(to: gateway.address)
            #expect(try answers(client))
            try folder.write("ETCD_GATEWAY_DIAL_TIMEOUT=soon\n", to: "settings")
            try await gateway.hasHandedOver(Self.refused)
            #expect(gateway.process.errors.contains("soon") && gateway.process.isRunning)
            #expect(try answers(client))
        }
    }
}
