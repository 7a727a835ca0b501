import Gateway
import Testing

@testable import GatewayRuntime

struct FactBoxTests {
    private let first = SocketAddress(testing: "127.0.0.1:1")
    private let second = SocketAddress(testing: "127.0.0.1:2")
    private let id = EndpointID(slot: 0)

    @Test func onlyTheFirstFactAsksForAttention() {
        let box = FactBox()
        #expect(!box.add([]))
        #expect(box.add([.heldClientsChanged]))
        #expect(!box.add([.acceptPaused(error: 0)]))
        #expect(box.takeAll() == [.heldClientsChanged, .acceptPaused(error: 0)])
        #expect(box.takeAll().isEmpty)
        #expect(box.add([.heldClientsChanged]))
    }

    @Test func ofSeveralFactsAboutAnAddress_theLastOneCounts() {
        let box = FactBox()
        _ = box.add([.dialFailed(id, first, .refused), .dialFailed(id, second, .timedOut)])
        _ = box.add([.dialSucceeded(id, first)])
        #expect(box.takeAll() == [.dialSucceeded(id, first), .dialFailed(id, second, .timedOut)])
    }

    @Test func stormDoesNotGrowIt() throws {
        let box = FactBox()
        let threads = try (0..<4).map { _ in
            try SystemThread(name: "loop") {
                for _ in 0..<20_000 { _ = box.add([.dialFailed(id, first, .refused), .heldClientsChanged]) }
            }
        }
        for thread in threads { thread.join() }
        #expect(box.takeAll().count == 2)
    }
}
