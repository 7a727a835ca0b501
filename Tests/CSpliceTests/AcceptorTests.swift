import CSplice
import Testing

extension DataPlaneTests {
    @Suite struct AcceptorTests {
        /// The role is passed on when a loop has a third more than another, beyond eight: with few sessions, at each one.
        @Test func sessionsOpenedOneByOne_spreadEvenly() throws {
            try withPlane(loops: 4) { plane in
                var sessions = try (0..<20).map { _ in try plane.open() }
                var perLoop = plane.loops.map { $0.handle.counters().sessions }
                #expect(perLoop.allSatisfy { $0 == 5 }, "\(perLoop)")
                sessions += try (0..<180).map { _ in try plane.open() }
                perLoop = plane.loops.map { $0.handle.counters().sessions }
                #expect(perLoop.allSatisfy { (36...66).contains($0) }, "\(perLoop)")
                #expect(sessions.allSatisfy { $0.number != 0 })
            }
        }

        @Test func loopThatLostItsSessions_getsTheNextOnes() throws {
            try withPlane(loops: 2) { plane in
                let sessions = try (0..<20).map { _ in try plane.open() }
                let gone = sessions.filter { $0.loop == 0 }
                for session in gone { session.client.reset() }
                #expect(eventually { plane.loops[0].handle.counters().sessions == 0 })
                let next = try (0..<10).map { _ in try plane.open() }
                #expect(next.allSatisfy { $0.loop == 0 })
            }
        }

        @Test func manyClientsAtOnce_areAllServed() throws {
            try withPlane(loops: 4) { plane in
                let clients = try (0..<400).map { _ in try Peer(connectingTo: plane.entrance) }
                let upstreams = try clients.map { _ in try plane.server.accept() }
                for upstream in upstreams { try upstream.send("hello") }
                for client in clients { #expect(try client.receive(count: 5) == "hello") }
                let perLoop = plane.loops.map { $0.handle.counters().sessions }
                #expect(perLoop.allSatisfy { $0 > 40 }, "\(perLoop)")
            }
        }

        @Test func severalListeners_nameThemselves() throws {
            try withPlane(loops: 2) { plane in
                let doors = try [plane.listen(.ipv4), plane.listen(.ipv6), plane.listen(.unix)]
                for (number, door) in doors {
                    let mark = plane.log.mark
                    _ = try plane.open(through: door)
                    #expect(try plane.log.first(.CSP_EVENT_ACCEPTED, after: mark).event.listener == number)
                }
            }
        }
    }
}
