import Gateway
import GatewayTesting
import Glibc
import Synchronization

@testable import GatewayRuntime

/// A socket that a test opened; closed when the last user lets go.
final class TestSocket: Sendable {
    let descriptor: Int32

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// A stream socket bound to a loopback port that the kernel chooses; it does not listen.
    static func bound(to ip: String = "127.0.0.1") throws -> (socket: TestSocket, address: SocketAddress) {
        var system = SystemAddress(SocketAddress(testing: ip.contains(":") ? "[\(ip)]:0" : "\(ip):0"))
        let socket = TestSocket(Glibc.socket(system.family, Int32(SOCK_STREAM.rawValue), 0))
        guard system.bind(socket.descriptor) == 0, let address = SystemAddress(boundTo: socket.descriptor)?.address
        else {
            throw TestingError("bind to \(ip): errno \(errno)")
        }
        return (socket, address)
    }

    /// Starts to connect without waiting.
    static func connecting(to address: SocketAddress) throws -> TestSocket {
        var system = SystemAddress(address)
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let socket = TestSocket(Glibc.socket(system.family, type, 0))
        guard system.connect(socket.descriptor) == 0 || errno == EINPROGRESS else {
            throw TestingError("connect to \(address): errno \(errno)")
        }
        return socket
    }

    /// Waits for one of poll's events.
    func waits(for events: Int32, milliseconds: Int32) -> Bool {
        var state = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&state, 1, milliseconds) == 1
    }
}

/// Accepts connections, tells each its name, and keeps them open.
final class NamingServer: Sendable {
    let address: SocketAddress
    private let listener: TestSocket
    private let clients = Mutex<[TestSocket]>([])
    private let count = Atomic<Int>(0)

    var accepted: Int { count.load(ordering: .relaxed) }

    init(_ name: String, backlog: Int32 = 1024) throws {
        (listener, address) = try TestSocket.bound()
        guard listen(listener.descriptor, backlog) == 0 else { throw TestingError("listen: errno \(errno)") }
        try SystemThread(name: "server") { [listener, weak self] in
            while true {
                let client = accept(listener.descriptor, nil, nil)
                guard client >= 0, let self else { return }
                count.add(1, ordering: .relaxed)
                _ = write(client, name, name.utf8.count)
                clients.withLock { $0.append(TestSocket(client)) }
            }
        }.detach()
    }

    /// Ends the connections that it has.
    func hangUp() {
        clients.withLock { $0.removeAll() }
    }

    deinit {
        shutdown(listener.descriptor, Int32(SHUT_RDWR))  // wakes the thread up
    }
}

/// Somebody who does not answer: its queue of connections is full, so that further ones get no reply at all.
final class SilentServer: Sendable {
    let address: SocketAddress
    private let listener: TestSocket
    private let waiting: [TestSocket]

    init() throws {
        (listener, address) = try TestSocket.bound()
        guard listen(listener.descriptor, 0) == 0 else { throw TestingError("listen: errno \(errno)") }
        var waiting: [TestSocket] = []
        repeat {
            waiting.append(try TestSocket.connecting(to: address))
        } while waiting.last?.waits(for: Int32(POLLOUT), milliseconds: 200) == true && waiting.count < 64
        self.waiting = waiting
    }
}

/// An address on which nobody listens, and nobody else can while it is kept.
final class ClosedPort: Sendable {
    let address: SocketAddress
    private let socket: TestSocket

    init() throws {
        (socket, address) = try TestSocket.bound()
    }
}

/// A client of a listener under test.
final class TestClient: Sendable {
    enum Received: Equatable {
        case text(String)
        case end
        case reset
        case nothing
    }

    private let socket: TestSocket

    init(_ address: SocketAddress) throws {
        socket = try TestSocket.connecting(to: address)
        guard socket.waits(for: Int32(POLLOUT), milliseconds: 10_000) else {
            throw TestingError("no connection to \(address)")
        }
    }

    /// What comes first. It waits without holding a thread: the pool has only as many as there are processors.
    func receive(within limit: Duration = .seconds(30)) async throws -> Received {
        let deadline = ContinuousClock.now + limit
        while true {
            let received = receiveNow()
            guard received == .nothing, ContinuousClock.now < deadline else { return received }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// What is there.
    func receiveNow() -> Received {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = recv(socket.descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        if count < 0 { return errno == EAGAIN ? .nothing : .reset }
        return count == 0 ? .end : .text(String(decoding: bytes[..<count], as: UTF8.self))
    }
}

/// How many descriptors this process has open.
func openDescriptors() -> Int {
    guard let folder = opendir("/proc/self/fd") else { return -1 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
}

extension SystemAddress {
    /// bind(2) to this address.
    mutating func bind(_ descriptor: Int32) -> Int32 {
        withPointer { Glibc.bind(descriptor, $0, $1) }
    }
}
