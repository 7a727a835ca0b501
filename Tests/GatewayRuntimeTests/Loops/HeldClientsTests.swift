import Testing

@testable import GatewayRuntime

struct HeldClientsTests {
    @Test func limitIsThatOfTheDesign() {
        let held = HeldClients()
        #expect((0..<2_000).count { _ in held.add() } == 1_024)
        #expect(held.count == 1_024)
    }

    @Test func oneThatLeavesMakesRoomForOne() {
        let held = HeldClients(limit: 2)
        #expect(held.add() && held.add() && !held.add())
        held.remove()
        #expect(held.add() && !held.add())
        #expect(held.count == 2)
    }

    @Test func manyThreadsNeverExceedTheLimit() throws {
        let held = HeldClients(limit: 100)
        let admitted = Recorder<Int>()
        let threads = try (0..<8).map { _ in
            try SystemThread(name: "holder") { admitted.add((0..<1_000).count { _ in held.add() }) }
        }
        for thread in threads { thread.join() }
        #expect(admitted.all.reduce(0, +) == 100)
        #expect(held.count == 100)
    }
}
