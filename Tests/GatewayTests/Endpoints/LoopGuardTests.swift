import Gateway
import GatewayTesting
import Testing

@Suite struct LoopGuardTests {
    private func isLoop(
        _ address: String, listening: String, own: [String] = ["10.0.0.1", "fd00::1", "127.0.0.1", "::1"]
    ) throws -> Bool {
        let loopGuard = LoopGuard(
            listeners: [try #require(SocketAddress(listening))], localAddresses: Set(own.compactMap { IPAddress($0) }))
        return loopGuard.isLoop(try #require(SocketAddress(address)))
    }

    @Test(arguments: [
        ("127.0.0.1:1", "127.0.0.1:1"), ("[::ffff:127.0.0.1]:1", "127.0.0.1:1"),
        ("127.0.0.1:1", "[::ffff:127.0.0.1]:1"),
        ("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("[::ffff:0.0.0.0]:1", "127.0.0.1:1"),
        ("10.0.0.1:1", "0.0.0.0:1"), ("127.9.9.9:1", "0.0.0.0:1"), ("0.0.0.0:1", "0.0.0.0:1"),
        ("[::ffff:10.0.0.1]:1", "0.0.0.0:1"), ("[fd00::1]:1", "[::]:1"), ("[::1]:1", "[::]:1"),
        ("10.0.0.1:1", "[::]:1"),
        ("10.0.0.1:1", "10.0.0.1:1"), ("[::]:1", "[::]:1"), ("0.0.0.0:1", "[::]:1"),
    ])
    func whatALocalListenerHears_isALoop(address: String, listener: String) throws {
        #expect(try isLoop(address, listening: listener))
    }

    @Test(arguments: [
        ("127.0.0.1:2", "127.0.0.1:1"), ("127.0.0.2:1", "127.0.0.1:1"), ("10.0.0.1:1", "127.0.0.1:1"),
        ("0.0.0.0:1", "10.0.0.1:1"), ("0.0.0.0:1", "[::1]:1"), ("10.0.0.2:1", "0.0.0.0:1"), ("[::1]:1", "0.0.0.0:1"),
        ("[fd00::2]:1", "[::]:1"), ("10.0.0.1:2", "0.0.0.0:1"),
    ])
    func whatNoListenerHears_isNone(address: String, listener: String) throws {
        #expect(try !isLoop(address, listening: listener))
    }

    @Test func withoutListeners_nothingIsALoop() throws {
        #expect(!LoopGuard().isLoop(try #require(SocketAddress("127.0.0.1:23790"))))
    }

    @Test func unknownInterfaces_loopbackIsStillOurs() throws {
        #expect(try isLoop("127.0.0.1:1", listening: "0.0.0.0:1", own: []))
    }
}
