import Foundation
import Gateway
import GatewayTesting
import Testing

extension RealComponents {
    /// What one process knows is known to the next.
    @Suite(.serialized)
    struct HandedOverTests {
        private static let ready = "ready to proxy client requests"

        private func handOver(_ observed: ObservedGateway) async throws {
            let process = observed.gateway.process
            let before = process.errors.components(separatedBy: Self.ready).count
            process.send(SIGUSR2)
            try await eventually("it has handed over; it said: \(process.errors)") {
                process.errors.components(separatedBy: Self.ready).count > before
            }
            #expect(!process.errors.contains("cannot be served"))
        }

        private func answers(_ client: ClientConnection) throws -> Bool {
            try client.send(Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            return String(decoding: try client.receive(), as: UTF8.self).contains("etcdserver")
        }

        /// Each counter that only clients can move, and the count of each histogram, by its line of the metrics.
        private func counters(_ observed: ObservedGateway) async throws -> [String: Double] {
            let ownOfTheProcess = [
                "etcd_gateway_loop_", "etcd_gateway_probes_", "etcd_gateway_sessions_adopted_", "process_",
            ]
            let lines = try await WebRequest.run(observed.web, "/metrics").body.split(separator: "\n")
            let types = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ") }
            let names = types.compactMap { words -> String? in
                guard !ownOfTheProcess.contains(where: { words[2].hasPrefix($0) }) else { return nil }
                return words[3] == "counter" ? "\(words[2])" : words[3] == "histogram" ? "\(words[2])_count" : nil
            }
            #expect(names.count >= 12)
            let pairs = lines.filter { line in names.contains { line.hasPrefix($0) } }.compactMap { line in
                line.lastIndex(of: " ").map { (String(line[..<$0]), Double(line[line.index(after: $0)...]) ?? -1) }
            }
            return Dictionary(pairs) { first, _ in first }
        }

        @Test func counters_goOnWhereTheyWere_againAndAgain() async throws {
            let cluster = try await EtcdCluster()
            let observed = try await ObservedGateway(["--endpoints=\(cluster.endpoints)", "--policy=round-robin"])
            var kept: [ClientConnection] = []
            for round in 1...3 {
                let client = try ClientConnection(to: observed.gateway.address)
                #expect(try answers(client))
                kept.append(client)
                #expect(await PlainRequest(at: observed.gateway.address).run().failure == nil)
                let accepted = Double(2 * round)
                try await eventually("all is counted") {
                    let counted = try await counters(observed)
                    return counted["etcd_gateway_sessions_closed_total{reason=\"finished\"}"] == Double(round)
                        && counted["etcd_gateway_sessions_accepted_total"] == accepted
                }
                let before = try await counters(observed)
                try await handOver(observed)
                let after = try await counters(observed)
                #expect(before == after)
                #expect(try await observed.metric("etcd_gateway_sessions") == Double(round))
            }
            for client in kept { #expect(try answers(client)) }
            let adopted = "etcd_gateway_sessions_adopted_total{result=\"carried_on\"}"
            #expect(try await observed.metric(adopted) == 1 + 2 + 3)
        }

        @Test func whoIsDown_whoServes_andWhoIsOutOfService_staySo() async throws {
            let cluster = try await EtcdCluster()
            let observed = try await ObservedGateway(["--endpoints=\(cluster.endpoints)"])
            #expect(await PlainRequest(at: observed.gateway.address).run().failure == nil)
            let pinned = try await observed.gateway.memberInUse(of: cluster)
            let others = cluster.members.filter { $0.address != pinned.address }
            let drain = try await observed.command("drain", others[0].address)
            #expect(drain.exit == .code(0), "\(drain.errors)")
            // Who stands by is looked at when it is due, which may be in between.
            try await eventually("each has been tried") {
                try await observed.status().endpoints.allSatisfy { $0.state != .untried }
            }
            let known = try await observed.status().endpoints.map { [$0.name, "\($0.state)", "\($0.role)"] }
            for _ in 0..<2 {
                try await handOver(observed)
                // Who was good is tried again before he is called so.
                try await eventually("all is as it was") {
                    try await observed.status().endpoints.map { [$0.name, "\($0.state)", "\($0.role)"] } == known
                }
                #expect(await PlainRequest(at: observed.gateway.address).run().failure == nil)
                #expect(try await observed.gateway.memberInUse(of: cluster).address == pinned.address)
            }
            try await pinned.kill()
            #expect(await PlainRequest(at: observed.gateway.address).run().failure == nil)
            // Nobody else is left who is in service.
            #expect(try await observed.gateway.memberInUse(of: cluster).address == others[1].address)
            try await handOver(observed)
            let status = try await observed.status()
            #expect(status.endpoints.first { $0.name == pinned.address }?.state == .down)
            let undrain = try await observed.command("undrain", others[0].address)
            #expect(undrain.exit == .code(0), "\(undrain.errors)")
        }
    }
}
