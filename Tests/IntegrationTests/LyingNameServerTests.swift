import Foundation
import GatewayTesting
import Testing

extension RealComponents {
    /// A name server that wants to lead clients elsewhere, to exhaust the gateway, or to crash it. What it says of the names
    /// that it was asked for is its right (SECURITY.md); all else must come to nothing.
    @Suite(.serialized, .loneMembers)
    struct LyingNameServerTests {
        private typealias Record = ForgedAnswer.Record
        private static let service = "_etcd-client._tcp.example.com"
        private static let (a, srv): (UInt16, UInt16) = (1, 33)

        /// A gateway that has had one good answer from a server, which is to lie from now on.
        private struct Scene {
            let member: EtcdMember
            /// Listens on the port of etcd at another address; nobody is ever to come here.
            let trap: EtcdMember
            let dns: ScriptedNameServer
            let gateway: GatewayProcess
            let requests: RequestLoop

            var good: [UInt8] { Self.bytes(of: member.host) }
            var evil: [UInt8] { Self.bytes(of: trap.host) }

            private static func bytes(of host: String) -> [UInt8] {
                host.split(separator: ".").compactMap { UInt8($0) }
            }

            init(_ flags: String...) async throws {
                let members = try LoneMembers.all()
                (member, trap) = (members[0], members[1])
                let listing = Listing(name: "host0", host: member.host)
                dns = try ScriptedNameServer(.answer(listing.absoluteRecords))
                gateway = try await GatewayProcess.ready(
                    [
                        "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--policy=round-robin",
                        "--max-ttl=2s",
                    ]
                        + flags)
                requests = RequestLoop(PlainRequest(at: gateway.address), clients: 1, pause: .milliseconds(20))
            }

            /// Waits until every question was asked so many times more.
            func waitUntilAsked(_ times: Int = 3) async throws {
                let before = counts()
                try await eventually("all is asked again: \(gateway.process.errors)", within: .seconds(90)) {
                    let now = counts()
                    return before.allSatisfy { now[$0.key, default: 0] >= $0.value + times }
                }
            }

            private func counts() -> [String: Int] {
                let ours = dns.queries.filter { $0.type == 33 && $0.name.hasPrefix("_etcd-client._") || $0.type == 1 }
                return Dictionary(grouping: ours, by: { "\($0.name) \($0.type)" }).mapValues(\.count)
            }

            /// Clients were served throughout, and never by anybody else.
            func expectUnharmed() async throws {
                let outcomes = try await requests.stop()
                #expect(outcomes.compactMap(\.failure) == [], "\(gateway.log)")
                #expect(outcomes.count > 10)
                #expect(try !ProcessSockets.establishedPeers(of: gateway.process.pid).contains(trap.address))
                #expect(!gateway.process.errors.contains(trap.host), "\(gateway.log)")
                #expect(try await gateway.stop() == .code(0))
            }
        }

        /// Records that are not about the name that was asked for, and answers to what nobody asked.
        @Test(arguments: [
            "address of another name", "address beside the services", "alias of another name",
            "answer to another question",
            "another number", "service of another name",
        ])
        func nobodyIsLedElsewhere(trick: String) async throws {
            let scene = try await Scene()
            let (good, evil) = (scene.good, scene.evil)
            let honest = ForgedAnswer([.srv("host0.example.com")])
            let lies: [UInt16: ForgedAnswer] =
                switch trick {
                case "address of another name":
                    [Self.srv: honest, Self.a: ForgedAnswer([.a(owner: "evil.example.com", evil), .a(good)])]
                case "address beside the services":
                    [
                        Self.srv: ForgedAnswer(
                            [.srv("host0.example.com")], additional: [.a(owner: "host0.example.com", evil)]),
                        Self.a: ForgedAnswer([.a(good)], additional: [.a(owner: "host0.example.com", evil)]),
                    ]
                case "alias of another name":
                    [
                        Self.srv: honest,
                        Self.a: ForgedAnswer([
                            .a(good), .cname(owner: "other.example.com", "evil.example.com"),
                            .a(owner: "evil.example.com", evil),
                        ]),
                    ]
                case "answer to another question":
                    [Self.srv: honest, Self.a: ForgedAnswer([.a(evil)], question: "evil.example.com")]
                case "another number":
                    [Self.srv: honest, Self.a: ForgedAnswer([.a(evil)], hasWrongNumber: true)]
                default:
                    [
                        Self.srv: ForgedAnswer([
                            .srv(owner: "_etcd-client._tcp.evil.test", "evil.test"), .srv("host0.example.com"),
                        ]),
                        Self.a: ForgedAnswer([.a(owner: "evil.test", evil), .a(owner: "host0.example.com", good)]),
                    ]
                }
            scene.dns.behaviour = .forged(lies)
            try await scene.waitUntilAsked(2)
            try await scene.expectUnharmed()
        }

        @Test func thousandServices_areCutTo256_andTheGoodOneServesOn() async throws {
            let scene = try await Scene("--health-interval=0")
            let harm = try Harm(to: scene.gateway)
            // Whose name comes first in the alphabet is in, whatever the order of the records.
            let many = [Record.srv("host0.example.com")] + (0..<1_000).map { .srv("i\($0).example.com") }
            scene.dns.behaviour = .forged([Self.srv: ForgedAnswer(many), Self.a: ForgedAnswer([.a(scene.good)])])
            try await eventually("as many as there may be are known", within: .seconds(60)) {
                scene.gateway.lines(with: "endpoint known") >= 256
            }
            try await scene.waitUntilAsked(1)
            #expect(scene.gateway.lines(with: "endpoint known") == 256)
            try harm.expectBounded(mebibytes: 16, cpu: 1.5)
            try await scene.expectUnharmed()
        }

        @Test func twoThousandAddresses_ofOneName_areCutTo16() async throws {
            let scene = try await Scene()
            let harm = try Harm(to: scene.gateway)
            let many = [Record.a(scene.good)] + (0..<2_000).map { .a([127, 99, UInt8($0 >> 8), UInt8($0 & 0xFF)]) }
            scene.dns.behaviour = .forged([
                Self.srv: ForgedAnswer([.srv("host0.example.com")]), Self.a: ForgedAnswer(many),
            ])
            try await scene.waitUntilAsked()
            try harm.expectBounded(mebibytes: 8, cpu: 0.5)
            try await scene.expectUnharmed()
        }

        @Test(arguments: [0, 0x7FFF_FFFF, 0x8000_0000, .max] as [UInt32])
        func timesToLive_haveBounds(ttl: UInt32) async throws {
            let scene = try await Scene()
            let harm = try Harm(to: scene.gateway)
            scene.dns.behaviour = .forged([
                Self.srv: ForgedAnswer([.srv("host0.example.com", ttl: ttl)]),
                Self.a: ForgedAnswer([.a(scene.good, ttl: ttl)]),
            ])
            try await scene.waitUntilAsked(1)
            let (before, began) = (scene.dns.queries.count { $0.type == Self.a }, ContinuousClock.now)
            // Neither never again (--max-ttl=2s) nor without a pause (--min-ttl=1s).
            try await scene.waitUntilAsked(3)
            let asked = scene.dns.queries.count { $0.type == Self.a } - before
            #expect(asked <= Int((ContinuousClock.now - began) / .seconds(1)) + 2, "\(asked) times")
            try harm.expectBounded(mebibytes: 8, cpu: 0.5)
            try await scene.expectUnharmed()
        }

        /// Answers that lead nowhere, or are none: the last good ones stay.
        @Test(arguments: [
            "circle of aliases", "forty aliases", "root as a target", "data that is cut off", "stream that ends early",
            "stream of nothing", "stream without an end",
        ])
        func nonsense_changesNothing(kind: String) async throws {
            let scene = try await Scene()
            let harm = try Harm(to: scene.gateway)
            let (honest, good) = (ForgedAnswer([.srv("host0.example.com")]), ForgedAnswer([.a(scene.good)]))
            func alias(_ number: Int) -> Record {
                .cname(owner: "n\(number).example.com", "n\(number + 1).example.com")
            }
            scene.dns.behaviour =
                switch kind {
                case "circle of aliases":
                    .forged([
                        Self.srv: honest,
                        Self.a: ForgedAnswer([
                            .cname("b.example.com"), .cname(owner: "b.example.com", "host0.example.com"),
                        ]),
                    ])
                case "forty aliases":
                    .forged([
                        Self.srv: honest,
                        Self.a: ForgedAnswer(
                            [.cname("n0.example.com")] + (0..<40).map(alias) + [
                                .a(owner: "n40.example.com", scene.evil)
                            ]),
                    ])
                case "root as a target": .forged([Self.srv: ForgedAnswer([.srv("")]), Self.a: good])
                case "data that is cut off":
                    .forged([
                        Self.srv: ForgedAnswer([Record(type: Self.srv, data: [0, 0])]),
                        Self.a: ForgedAnswer([Record(type: 1, data: [1])]),
                    ])
                case "stream that ends early": .brokenStream([0xFF, 0xFF, 1, 2, 3])
                case "stream of nothing": .brokenStream([0, 0, 0, 0, 0, 0])
                default: .endlessStream
                }
            let before = scene.dns.queries.count
            try await eventually("it asks again: \(scene.gateway.process.errors)", within: .seconds(60)) {
                scene.dns.queries.count > before + 8
            }
            try harm.expectBounded(mebibytes: 16, cpu: 0.7)
            try await scene.expectUnharmed()
        }
    }
}
