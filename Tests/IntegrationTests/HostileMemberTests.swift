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

            init(_ conduct: HostileMember.Conduct, health: String) async throws {
                let member = try #require(try LoneMembers.all().first)
                hostile = try HostileMember(conduct)
                gateway = try await GatewayProcess.ready([
                    "--endpoints=\(member.address),\(hostile.address)", "--policy=round-robin",
                    "--health-check=\(health)",
                    "--health-interval=500ms", "--retry-delay=500ms", "--on-endpoint-down=reset",
                ])
            }

            static func ask(_ connection: ClientConnection) throws {
                try connection.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            }

            /// Opens connections until so many lead to either side.
            mutating func open(_ count: Int) async throws {
                for _ in 0..<10 * count where kept.count < count || harmed.count < count {
                    let connection = try ClientConnection(to: gateway.address, within: .seconds(1))
                    let isKept = (try? Self.isAnswered(connection)) ?? false
                    if isKept { kept.append(connection) } else { harmed.append(connection) }
                }
                try #require(kept.count >= count && harmed.count >= count, "\(kept.count) and \(harmed.count)")
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

            /// Lets the clients of the hostile one go, and waits until nothing of them is left.
            mutating func letGo(to descriptors: Int) async throws {
                harmed = []
                let (pid, kept) = (gateway.process.pid, 2 * kept.count)
                try await eventually("their descriptors are closed: \(gateway.process.errors)") {
                    // Some pipes and the connections of probes may stay.
                    try ProcessSockets.descriptorCount(of: pid) <= descriptors + kept + 40
                }
            }
        }

        /// What it says without an end is felt by it as backpressure, where a client does not read.
        @Test func sendsForever_toClientsThatDoNotRead() async throws {
            var scene = try await Scene(.sendsForever, health: "tcp")
            let descriptors = try ProcessSockets.descriptorCount(of: scene.gateway.process.pid)
            try await scene.open(20)
            let harm = try Harm(to: scene.gateway)
            for _ in 0..<5 {
                try scene.expectKeptAreServed()
                try await Task.sleep(for: .milliseconds(400))
            }
            try harm.expectBounded(mebibytes: 8, cpu: 0.3)
            try await scene.letGo(to: descriptors)
            try scene.expectKeptAreServed()
        }

        /// A probe reads no more of an answer than an answer can be.
        @Test(arguments: [HostileMember.Conduct.sendsForever, .answersForever], ["auto", "http"])
        func sendsForever_toProbes(conduct: HostileMember.Conduct, health: String) async throws {
            let scene = try await Scene(conduct, health: health)
            let harm = try Harm(to: scene.gateway)
            let before = scene.hostile.accepted
            try await eventually("it is probed: \(scene.gateway.process.errors)", within: .seconds(60)) {
                scene.hostile.accepted > before + 5
            }
            let outcomes = try await requests(20, of: scene.gateway)
            #expect(outcomes.compactMap(\.failure) == [], "\(scene.gateway.log)")
            try harm.expectBounded(mebibytes: 8, cpu: 0.5)
        }

        private func requests(_ count: Int, of gateway: GatewayProcess) async throws -> [PlainRequest.Outcome] {
            let began = ContinuousClock.now
            let loop = RequestLoop(PlainRequest(at: gateway.address), clients: 1, pause: .milliseconds(10))
            try await loop.wait(for: count, startedAfter: began)
            return try await loop.stop()
        }

        @Test func neverReads_whateverClientsSend() async throws {
            var scene = try await Scene(.neverReads, health: "tcp")
            let descriptors = try ProcessSockets.descriptorCount(of: scene.gateway.process.pid)
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
            try await scene.letGo(to: descriptors)
            try scene.expectKeptAreServed()
        }

        @Test func resetsAtRandom_harmNobodyElse() async throws {
            let seed = UInt64.random(in: 0...UInt64.max)
            var scene = try await Scene(.resetsAtRandom(seed: seed, milliseconds: 50), health: "tcp")
            let descriptors = try ProcessSockets.descriptorCount(of: scene.gateway.process.pid)
            try await scene.open(10)
            let harm = try Harm(to: scene.gateway)
            for _ in 0..<400 {
                let connection = try ClientConnection(to: scene.gateway.address, within: .seconds(5))
                try? connection.send([1, 2, 3])
            }
            try scene.expectKeptAreServed()
            #expect(scene.hostile.accepted >= 150, "seed \(seed)")
            try harm.expectBounded(mebibytes: 8, cpu: 1)
            try await scene.letGo(to: descriptors)
            try scene.expectKeptAreServed()
        }
    }
}
