import Foundation
import GatewayTesting
import Testing

extension RealComponents {
    /// SIGHUP: the settings file is read again and takes effect, all of it or nothing, and no session is touched.
    @Suite(.serialized, .loneMembers)
    struct ReloadTests {
        private let address: String

        init() throws { address = "127.0.0.1:\(try FreePort.next())" }

        private func settings(_ members: EtcdMember..., more: [String: String] = [:]) -> [String: String] {
            let endpoints = members.map(\.address).joined(separator: ",")
            return ["ENDPOINTS": endpoints, "LISTEN_ADDR": address].merging(more) { $1 }
        }

        @Test func otherEndpoints_underLoad_newSessionsGoThere_andOpenOnesStay() async throws {
            let members = try LoneMembers.all()
            let gateway = try await GatewayWithFile(settings(members[0]))
            let watch = try Etcdctl(address: address).start(["watch", "reloaded", "--rev=1"])
            let direct = try Etcdctl(address: members[0].address)
            try await direct("put", "reloaded", "before")
            try await watch.waitForText("before\n")
            let requests = RequestLoop(PlainRequest(at: address))
            try await requests.wait(for: 50, startedAfter: .now - .seconds(60))
            for round in 1...10 { try await gateway.reload(settings(members[round % 2 == 0 ? 0 : 1])) }
            try await gateway.reload(settings(members[1]))
            let reloaded = ContinuousClock.now
            try await requests.wait(for: 50, startedAfter: reloaded)
            let outcomes = try await requests.stop()
            #expect(outcomes.compactMap(\.failure) == [], "of \(outcomes.count)")

            let client = try ClientConnection(to: address)
            try client.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            #expect(String(decoding: try client.receive(), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
            let peers = Set(try ProcessSockets.establishedPeers(of: gateway.process.pid))
            #expect(peers.contains(members[1].address), "of the new client")
            #expect(peers.contains(members[0].address), "of the watch")
            try await direct("put", "reloaded", "after")
            try await watch.waitForText("after\n")
            #expect(watch.isRunning)
        }

        @Test func removedEndpoint_itsSessionsEndWithTheGrace() async throws {
            let members = try LoneMembers.all()
            let grace = ["REMOVED_ENDPOINT_GRACE": "1s"]
            let gateway = try await GatewayWithFile(settings(members[0], more: grace))
            let client = try ClientConnection(to: address)
            try client.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            _ = try client.receive()
            try await gateway.reload(settings(members[1], more: grace))
            #expect(!client.hasEnded)
            try await eventually("the grace is over") { client.hasEnded }
            #expect(gateway.process.errors.contains("endpoint forgotten"))
        }

        @Test func wrongFile_isRefused_withItsLine_andNothingChanges() async throws {
            let members = try LoneMembers.all()
            let sink = try NotifySink()
            let gateway = try await GatewayWithFile(settings(members[0]), environment: ["NOTIFY_SOCKET": sink.path])
            let wrong = ["ENDPOINTS": members[1].address, "LISTEN_ADDR": "nonsense"]
            try await gateway.reload(wrong, until: "settings are not reloaded")
            #expect(gateway.process.errors.contains(gateway.secondLine))
            #expect(gateway.process.errors.contains("nonsense"))
            #expect(await PlainRequest(at: address).run().failure == nil)
            #expect(!gateway.process.errors.contains(members[1].address), "not even half of it")
            try await eventually("the manager is not left waiting") { sink.values(of: "READY") == ["1", "1"] }
        }

        @Test func manager_hearsReloading_withItsTime_thenReady() async throws {
            let sink = try NotifySink()
            let members = try LoneMembers.all()
            let gateway = try await GatewayWithFile(settings(members[0]), environment: ["NOTIFY_SOCKET": sink.path])
            let before = clock_gettime_nsec() / 1000
            try await gateway.reload(settings(members[1]))
            try await eventually("ready") { sink.values(of: "READY").count == 2 }
            let reloading = try #require(sink.messages.first { $0.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") })
            let time = try #require(sink.values(of: "MONOTONIC_USEC").first.flatMap { UInt64($0) })
            #expect(time >= before && time <= clock_gettime_nsec() / 1000)
            let order = sink.messages.filter { $0 == reloading || $0.hasPrefix("READY=1") }
            #expect(order.count == 3 && order[1] == reloading)
        }

        private func clock_gettime_nsec() -> UInt64 {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }

        @Test func otherListenAddress_isOpenBeforeTheOldOneIsClosed_andOpenSessionsStay() async throws {
            let members = try LoneMembers.all()
            let gateway = try await GatewayWithFile(settings(members[0]))
            let client = try ClientConnection(to: address)
            try client.send(Array("GET /version HTTP/1.1\r\n".utf8))
            let new = "127.0.0.1:\(try FreePort.next())"
            var both = settings(members[0])
            both["LISTEN_ADDR"] = "\(address),\(new)"
            try await gateway.reload(both)
            for address in [address, new] { #expect(await PlainRequest(at: address).run().failure == nil) }
            both["LISTEN_ADDR"] = new
            try await gateway.reload(both)
            #expect(await PlainRequest(at: new).run().failure == nil)
            #expect(throws: (any Error).self) { try ClientConnection(to: address) }
            try client.send(Array("Host: x\r\n\r\n".utf8))
            #expect(String(decoding: try client.receive(), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        }

        @Test func listenAddressInUse_isRefused_andTheOldOneServes() async throws {
            let members = try LoneMembers.all()
            let gateway = try await GatewayWithFile(settings(members[0]))
            var taken = settings(members[1])
            taken["LISTEN_ADDR"] = members[2].address
            try await gateway.reload(taken, until: "settings are not reloaded")
            #expect(gateway.process.errors.contains("in use"))
            var overlapping = settings(members[1])
            overlapping["LISTEN_ADDR"] = address.replacingOccurrences(of: "127.0.0.1", with: "0.0.0.0")
            try await gateway.reload(overlapping, until: "settings are not reloaded")
            #expect(gateway.process.errors.contains("they overlap"))
            #expect(await PlainRequest(at: address).run().failure == nil)
            #expect(!gateway.process.errors.contains("settings reloaded"))
        }

        @Test func certificateFileThatCannotBeRead_isRefused() async throws {
            let members = try LoneMembers.all()
            let gateway = try await GatewayWithFile(settings(members[0]))
            try await gateway.reload(
                settings(members[1], more: ["TRUSTED_CA_FILE": "/nowhere"]), until: "settings are not reloaded")
            #expect(!gateway.process.errors.contains(members[1].address))
        }

        @Test func whatTakesARestart_isNamed_andTheRestIsInForce() async throws {
            let members = try LoneMembers.all()
            let gateway = try await GatewayWithFile(settings(members[0], more: ["LOOPS": "1"]))
            try await gateway.reload(settings(members[0], more: ["LOOPS": "2", "SPIN": "7", "POLICY": "round-robin"]))
            try await gateway.process.waitForText("only with a restart")
            let lines = gateway.process.errors.split(separator: "\n")
            let warning = try #require(lines.first { $0.contains("only with a restart") })
            #expect(warning.contains("--loops") && warning.contains("--spin") && !warning.contains("--policy"))
            let told = try #require(lines.first { $0.contains("settings reloaded") })
            #expect(told.contains("--policy") && !told.contains("--loops"))
        }

        @Test func accessLog_andMaximumOfSessions_takeEffectAtOnce() async throws {
            let members = try LoneMembers.all()
            let gateway = try await GatewayWithFile(settings(members[0]))
            #expect(await PlainRequest(at: address).run().failure == nil)
            #expect(!gateway.process.errors.contains("session ended"))
            try await gateway.reload(settings(members[0], more: ["ACCESS_LOG": "true", "MAX_SESSIONS": "1"]))
            let first = try ClientConnection(to: address)
            try first.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            _ = try first.receive()
            let short = PlainRequest(at: address, within: .milliseconds(300))
            #expect(await short.run().failure != nil, "it waits in the kernel's queue")
            try await gateway.process.waitForText("no new session for now")
            try await gateway.reload(settings(members[0], more: ["ACCESS_LOG": "true"]))
            #expect(await PlainRequest(at: address).run().failure == nil)
            try await gateway.process.waitForText("session ended")
        }

        /// Its listen address is a name that nobody resolves: it tries for a while.
        @Test func signalBeforeThereIsAnythingToReload_isNotItsEnd() async throws {
            let names = try SilentNameServer()
            let gateway = try GatewayProcess(
                ["start", "--endpoints=127.0.0.1:1", "--dns-server=\(names.address)"],
                listeningOn: "slow.example.com:1")
            let status = "/proc/\(gateway.process.pid)/status"
            try await eventually("signals wait", every: .milliseconds(2)) {
                let lines = try String(contentsOfFile: status, encoding: .utf8).split(separator: "\n")
                let mask = lines.first { $0.hasPrefix("SigBlk:") }?.dropFirst(8)
                let blocked = mask.flatMap { UInt64($0, radix: 16) } ?? 0
                return lines.contains("Name:\tetcd-gateway") && blocked >> UInt64(SIGHUP - 1) & 1 == 1
            }
            gateway.process.send(SIGHUP)
            #expect(try await gateway.process.waitForExit() == .code(1))
            #expect(gateway.process.errors.contains("slow.example.com"))
        }

        @Test func signalAfterSignal_endsNothing() async throws {
            let members = try LoneMembers.all()
            let gateway = try await GatewayWithFile(settings(members[0]))
            let requests = RequestLoop(PlainRequest(at: address))
            for _ in 0..<200 {
                gateway.process.send(SIGHUP)
                try await Task.sleep(for: .milliseconds(2))
            }
            let outcomes = try await requests.stop()
            #expect(outcomes.compactMap(\.failure) == [] && outcomes.count > 20)
            gateway.process.send(SIGTERM)
            #expect(try await gateway.process.waitForExit() == .code(0))
        }
    }
}
