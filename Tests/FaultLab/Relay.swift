import Foundation
import GatewayTesting
import Glibc
import Synchronization

/// Stands in front of one member and passes bytes on; what the member says can be delayed.
final class Relay: Sendable {
    /// Where it listens, as "address:port".
    let address: String

    private let member: String
    private let listener: LoopbackListener
    private let delay = Mutex(Duration.zero)

    /// Starts a relay on `port` in front of the member at `member` ("10.79.0.1:2379").
    init(to member: String, port: UInt16) throws {
        self.member = member
        address = "\(LabNetwork.ownAddress):\(port)"
        listener = try LoopbackListener(address)
        Thread { [self] in acceptForEver() }.start()
    }

    /// How long everything waits that comes from the member.
    func setDelay(_ duration: Duration) {
        delay.withLock { $0 = duration }
    }

    /// Ends when the listener is closed.
    private func acceptForEver() {
        while let client = listener.accept() {
            Thread { [self] in serve(client) }.start()
        }
    }

    /// Closes the listener; open connections end with their clients.
    func stop() {
        listener.stop()
    }

    private func serve(_ client: Int32) {
        guard let upstream = LoopbackListener.dial(member) else {
            close(client)
            return
        }
        let answering = DispatchSemaphore(value: 0)
        Thread { [self] in
            pass(from: upstream, to: client) { delay.withLock { $0 } }
            answering.signal()
        }.start()
        pass(from: client, to: upstream) { .zero }
        answering.wait()
        close(client)
        close(upstream)
    }

    private func pass(from source: Int32, to destination: Int32, after delay: () -> Duration) {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            let pause = delay()
            if pause > .zero { usleep(UInt32(pause / .microseconds(1))) }
            guard send(destination, buffer, count, Int32(MSG_NOSIGNAL)) == count else { break }
        }
        shutdown(destination, Int32(SHUT_WR))
    }
}

/// A blocking listener on an IPv4 address.
final class LoopbackListener: Sendable {
    private let descriptor: Int32

    init(_ address: String) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var name = try Connection.socketName(address)
        let isBound = Self.withName(&name) { bind(descriptor, $0, $1) } == 0
        guard isBound, listen(descriptor, 128) == 0 else {
            throw TestingError("cannot listen at \(address): \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        close(descriptor)
    }

    /// The next connection; nil when the listener was stopped.
    func accept() -> Int32? {
        while true {
            let connection = Glibc.accept(descriptor, nil, nil)
            if connection >= 0 { return connection }
            if errno != EINTR && errno != ECONNABORTED { return nil }
        }
    }

    /// Ends `accept`.
    func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// A connection to `address`; nil when there is none.
    static func dial(_ address: String) -> Int32? {
        guard var name = try? Connection.socketName(address) else { return nil }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        guard withName(&name, { connect(descriptor, $0, $1) }) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func withName(
        _ name: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
