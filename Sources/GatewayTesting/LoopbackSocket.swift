import Foundation

/// An IPv4 socket bound to an address of this machine, closed when the last user lets go.
final class LoopbackSocket: Sendable {
    enum Kind {
        case datagram
        case stream
    }

    let descriptor: Int32
    /// The port it is bound to.
    let port: UInt16

    /// Creates a bound socket; a stream socket listens.
    ///
    /// - Parameter port: 0 lets the kernel choose.
    init(_ kind: Kind, address: String, port: UInt16) throws {
        let type = kind == .datagram ? SOCK_DGRAM : SOCK_STREAM
        let descriptor = socket(AF_INET, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        do {
            var name = try SocketAddress(address, port: port)
            if kind == .stream {
                var one: Int32 = 1
                setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
            }
            guard name.withPointer({ bind(descriptor, $0, $1) }) == 0 else {
                throw Self.error("bind to \(address):\(port)")
            }
            if kind == .stream, listen(descriptor, 128) != 0 {
                throw Self.error("listen on \(address):\(port)")
            }
            self.port = try SocketAddress(boundTo: descriptor).port
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// One of either kind on one port of 127.0.0.1. Between a port's being found free and being bound somebody may take it.
    static func datagramAndStream(
        on host: String = "127.0.0.1", port fixed: UInt16? = nil
    ) throws -> (LoopbackSocket, LoopbackSocket) {
        var lastError: any Error = TestingError("no port was tried")
        for _ in 0..<10 {
            do {
                let port = try fixed ?? FreePort.next(on: host)
                return (
                    try LoopbackSocket(.datagram, address: host, port: port),
                    try LoopbackSocket(.stream, address: host, port: port)
                )
            } catch {
                lastError = error
            }
        }
        throw lastError
    }

    /// Makes `recv` and `accept` give up after `limit`.
    func setReceiveTimeout(_ limit: Duration) {
        let parts = limit.components
        var value = timeval(tv_sec: Int(parts.seconds), tv_usec: Int(parts.attoseconds / 1_000_000_000_000))
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &value, socklen_t(MemoryLayout<timeval>.size))
    }

    private static func error(_ operation: String) -> TestingError {
        TestingError("cannot \(operation): \(String(cString: strerror(errno)))")
    }
}
