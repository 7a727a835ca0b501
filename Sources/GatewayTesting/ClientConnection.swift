import Foundation
import Glibc

/// One TCP connection to the gateway, open until the last user lets go. Its calls block: use it from a thread, or for
/// what is short.
public final class ClientConnection: Sendable {
    private let descriptor: Int32

    /// Connects to `address` ("127.0.0.1:23790", "[::1]:23790"); gives up after `limit`, which holds for each later call as well.
    public init(to address: String, within limit: Duration = .seconds(15)) throws {
        var name = try SocketAddress(address)
        let descriptor = socket(name.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let parts = limit.components
        var value = timeval(tv_sec: Int(parts.seconds), tv_usec: Int(parts.attoseconds / 1_000_000_000_000))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<timeval>.size))
        }
        guard name.withPointer({ connect(descriptor, $0, $1) }) == 0 else {
            let error = errno
            close(descriptor)
            throw TestingError("connect to \(address): \(String(cString: strerror(error)))")
        }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Sends all of `bytes`.
    public func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    descriptor, buffer.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw TestingError("send: \(String(cString: strerror(errno)))") }
            sent += count
        }
    }

    /// Whether the far side has closed or reset it. Does not block, and takes nothing of what has come.
    public var hasEnded: Bool {
        let farSideClosed: Int16 = 0x2000  // POLLRDHUP, which Swift does not see
        var state = pollfd(fd: descriptor, events: farSideClosed, revents: 0)
        return poll(&state, 1, 0) > 0
    }

    /// Takes what has come, or waits for it; nothing is the end of the stream.
    public func receive(upTo count: Int = 65_536) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let received = recv(descriptor, &bytes, count, 0)
        guard received >= 0 else { throw TestingError("receive: \(String(cString: strerror(errno)))") }
        return Array(bytes[..<received])
    }
}
