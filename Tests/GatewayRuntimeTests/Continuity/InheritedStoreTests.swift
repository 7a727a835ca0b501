import Gateway
import GatewayTesting
import Glibc
import Testing

@testable import GatewayRuntime

@Suite struct InheritedStoreTests {
    private func passed(_ names: String..., own: Set<String> = []) throws -> [PassedDescriptor] {
        try names.map { name in
            let number = open("/dev/null", O_RDONLY | O_CLOEXEC)
            try #require(number >= 0)
            return PassedDescriptor(descriptor: number, name: name, isKept: !own.contains(name))
        }
    }

    @Test func wholeShelves_areTaken_andWhoHasThemIsKnown() throws {
        var store = InheritedStore(
            try passed(
                "store.table", "store.shelf.2", "store.shelf.2", "store.shelf.5", "store.shelf.5",
                own: ["store.shelf.5"]))
        #expect(store.table != nil && store.isKept && Set(store.shelves.keys) == [2, 5])
        #expect(store.ownShelves == [5] && store.useless.isEmpty)
        store.discardSessions()
    }

    /// A question to the manager that was never taken back, half a shelf, what another version knows: it drops them.
    @Test func whatNobodyCanUse_isTold() throws {
        var store = InheritedStore(try passed("store.table", "store.probe.7", "store.shelf.1", "store.new.thing"))
        #expect(store.shelves.isEmpty && store.useless == ["store.probe.7", "store.shelf.1", "store.new.thing"])
        store.discardSessions()
        #expect(try ActivatedSocket.all(among: [PassedDescriptor(descriptor: 3, name: "store.probe.8")]).isEmpty)
    }

    @Test func whatNobodyCanUse_isClosed() async throws {
        let ends = try SocketPair.sequenced()
        defer { close(ends[0]) }
        _ = InheritedStore([PassedDescriptor(descriptor: ends[1], name: "store.probe.7")])
        // A child that is being started elsewhere has it for a moment.
        try await eventually("its other end is closed") {
            var request = pollfd(fd: ends[0], events: 0, revents: 0)
            return poll(&request, 1, 0) == 1 && request.revents & Int16(POLLHUP) != 0
        }
    }

    @Test func shelvesWithoutATable_areOfNoUse() throws {
        let store = InheritedStore(try passed("store.shelf.1", "store.shelf.1"))
        #expect(store.shelves.isEmpty && store.useless == ["store.shelf.1"])
    }
}
