import Foundation
import GatewayTesting
import Testing

extension RealComponents {
    /// An endpoint that harms whoever connects to it, beside a real member: sessions with the member go on, and the gateway
    /// neither grows nor spins.
    @Suite(.serialized, .loneMembers)
    struct HostileMemberTests {
        private struct Scene {
            let hostile: HostileMember
            let gateway: GatewayProcess
            /// Sessions with the real member, each of which has had an answer.
            private(set) var kept: [ClientConnection] = []
            /// Those with the hostile one.
            private(set) var harmed: [ClientConnection] = []

            init(_ conduct: HostileMember.Conduct, health: String, _ flags: String...) async throws {
                let member = try #require(try LoneMembers.all().first)
                hostile = try HostileMember(conduct)
                gateway = try await GatewayProcess.ready(
                    [
                        "--endpoints=\(member.address),\(hostile.address)", "--policy=round-robin",
                        "--health-check=\(health)",
                        "--health-interval=500ms", "--retry-delay=500ms", "--on-endpoint-down=reset",
                    ] + flags)
            }

            static func ask(_ connection: ClientConnection) throws {
                try connection.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            }

            /// Opens connections until so many lead to either side; `harmed`: or until so many to the hostile one are enough.
            mutating func open(_ count: Int, harmed wanted: Int? = nil) async throws {
                let wanted = wanted ?? count
                for _ in 0..<10 * count where kept.count < count || harmed.count < wanted {
                    let connection = try ClientConnection(to: gateway.address, within: .seconds(1))
                    let isKept = (try? Self.isAnswered(connection)) ?? false
                    if isKept { kept.append(connection) } else { harmed.append(connection) }
                }
                try #require(kept.count >= count && harmed.count >= wanted, "\(kept.count) and \(harmed.count)")
            }

            private static func isAnswered(_ connection: ClientConnection) throws -> Bool {
                try ask(connection)
                return String(decoding: try connection.receive(upTo: 2_000), as: UTF8.self).contains("etcdserver")
            }

            func expectKeptAreServed(_ location: SourceLocation = #_sourceLocation) throws {
                for connection in kept {
                    #expect(try Self.isAnswered(connection), "\(gateway.process.errors)", sourceLocation: location)
                }
            }

            /// Lets the clients of the hostile one go, and waits until nobody of them is connected with it.
            mutating func letGo() async throws {
                harmed = []
                let (pid, address) = (gateway.process.pid, hostile.address)
                try await eventually("the sessions have ended: \(gateway.process.errors)") {
                    // A probe may be under way.
                    try ProcessSockets.establishedPeers(of: pid).count { $0 == address } <= 1
                }
            }
        }

        /// What it says without an end is felt by it as backpressure, where a client does not read.
        @Test func sendsForever_toClientsThatDoNotRead() async throws {
            var scene = try await Scene(.sendsForever, health: "tcp")
            try await scene.open(20)
            let harm = try Harm(to: scene.gateway)
            for _ in 0..<5 {
                try scene.expectKeptAreServed()
                try await Task.sleep(for: .milliseconds(400))
            }
            try harm.expectBounded(mebibytes: 8, cpu: 0.3)
            try await scene.letGo()
            try scene.expectKeptAreServed()
        }

        /// A probe reads no more of an answer than an answer can be.
        @Test(arguments: [HostileMember.Conduct.sendsForever, .answersForever], ["auto", "http"])
        func sendsForever_toProbes(conduct: HostileMember.Conduct, health: String) async throws {
            var scene = try await Scene(conduct, health: health)
            let harm = try Harm(to: scene.gateway)
            let hostile = scene.hostile
            try await eventually("it is probed", within: .seconds(60)) { hostile.accepted > 0 }
            // The hostile one may have been found out by now, or not.
            try await scene.open(5, harmed: 0)
            for _ in 0..<5 {
                try scene.expectKeptAreServed()
                try await Task.sleep(for: .milliseconds(400))
            }
            try harm.expectBounded(mebibytes: 8, cpu: 0.5)
        }

        @Test func neverReads_whateverClientsSend() async throws {
            var scene = try await Scene(.neverReads, health: "tcp", "--tcp-user-timeout=3s")
            try await scene.open(20)
            let harm = try Harm(to: scene.gateway)
            let bytes = [UInt8](repeating: 1, count: 1 << 20)
            for connection in scene.harmed {
                // Until nothing more is taken, which ends the call after a second.
                Thread.detachNewThread { while (try? connection.send(bytes)) != nil {} }
            }
            for _ in 0..<5 {
                try scene.expectKeptAreServed()
                try await Task.sleep(for: .milliseconds(400))
            }
            try harm.expectBounded(mebibytes: 8, cpu: 0.9)
            try await scene.letGo()
            try scene.expectKeptAreServed()
        }

        @Test func resetsAtRandom_harmNobodyElse() async throws {
            let seed = UInt64.random(in: 0...UInt64.max)
            var scene = try await Scene(.resetsAtRandom(seed: seed, milliseconds: 50), health: "tcp")
            try await scene.open(10)
            let harm = try Harm(to: scene.gateway)
            for _ in 0..<400 {
                let connection = try ClientConnection(to: scene.gateway.address, within: .seconds(5))
                try? connection.send([1, 2, 3])
            }
            try scene.expectKeptAreServed()
            #expect(scene.hostile.accepted >= 150, "seed \(seed)")
            try harm.expectBounded(mebibytes: 8, cpu: 1)
            try await scene.letGo()
            try scene.expectKeptAreServed()
        }
    }
}
