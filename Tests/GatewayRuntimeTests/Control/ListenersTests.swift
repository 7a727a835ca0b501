import CSplice
import Gateway
import GatewayTesting
import Glibc
import Testing

@testable import GatewayRuntime

/// Listeners that an earlier process has left. One in unix(7)'s abstract space, which no setting can name, stands for one of
/// which the kernel does not say where it is bound.
struct ListenersTests {
    private static func listening(on address: SocketAddress? = nil) throws -> Int32 {
        let descriptor = socket(address == nil ? AF_UNIX : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if let address {
            var system = SystemAddress(address)
            guard system.bind(descriptor) == 0 else { throw TestingError("bind: errno \(errno)") }
        } else {
            // The family alone: the kernel makes a name up.
            var family = sa_family_t(AF_UNIX)
            let result = withUnsafePointer(to: &family) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sa_family_t>.size))
                }
            }
            guard result == 0 else { throw TestingError("bind: errno \(errno)") }
        }
        guard listen(descriptor, 1) == 0 else { throw TestingError("listen: errno \(errno)") }
        return descriptor
    }

    /// What is open after `address` was asked for, where these were inherited.
    private func opened(_ address: SocketAddress, inheriting descriptors: [Int32]) async throws -> [Int32] {
        let plane = try DataPlane(
            options: csp_options_default(), plan: PublishedPlan(.testing([])), held: HeldClients(), accessLog: nil,
            report: { _ in })
        var inherited = InheritedStore()
        inherited.listeners = descriptors
        return try await withControlLoop { executor in
            let listeners = Listeners(
                executor: executor, plane: plane, resolver: Resolver(executor: executor, servers: []),
                inheriting: inherited)
            _ = try await listeners.open([.ip(address)])
            let open = await listeners.descriptors.map(\.descriptor)
            await listeners.closeAll()
            return open
        }
    }

    @Test func listenerThatIsBoundThere_isTaken_beforeOneThatNobodyKnows() async throws {
        let (socket, address) = try TestSocket.bound()
        try #require(listen(socket.descriptor, 1) == 0)
        let bound = dup(socket.descriptor)
        #expect(try await opened(address, inheriting: [try Self.listening(), bound]) == [bound])
    }

    @Test func placeThatIsTaken_isThatOfTheListenerThatNobodyKnows() async throws {
        let (socket, address) = try TestSocket.bound()
        try #require(listen(socket.descriptor, 1) == 0)
        let unknown = try Self.listening()
        #expect(try await opened(address, inheriting: [unknown]) == [unknown])
    }

    @Test func placeThatIsTaken_isAnError_whereAllAreKnown() async throws {
        let (socket, address) = try TestSocket.bound()
        try #require(listen(socket.descriptor, 1) == 0)
        let other = try Self.listening(on: SocketAddress(testing: "127.0.0.1:0"))
        let error = await #expect(throws: SystemError.self) { try await opened(address, inheriting: [other]) }
        #expect(error?.isAddressInUse == true)
        #expect(fcntl(other, F_GETFD) >= 0, "it is still the next attempt's")
        close(other)
    }

    @Test func placeThatIsFree_isOpenedAnew() async throws {
        let unknown = try Self.listening()
        let open = try await opened(SocketAddress(testing: "127.0.0.1:0"), inheriting: [unknown])
        #expect(open.count == 1)
        #expect(open != [unknown])
    }
}
