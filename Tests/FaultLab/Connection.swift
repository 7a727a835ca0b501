import Foundation
import GatewayTesting
import Glibc

/// One TCP connection that never blocks, plain or with TLS. It sends what it was given as soon as it is open, and keeps
/// what it receives. Used by one thread.
final class Connection {
    /// How it ended.
    enum Ending: Sendable, CustomStringConvertible {
        /// The other side closed in order.
        case finished
        /// The other side, or the network, broke it: the name of the error.
        case broken(String)

        var description: String {
            switch self {
            case .finished: "closed"
            case .broken(let error): error
            }
        }
    }

    let descriptor: Int32
    /// Nil while it lives.
    private(set) var ending: Ending?
    /// What has come and was not taken.
    private(set) var received: [UInt8] = []

    private let tls: TLSEngine?
    private var outgoing: [UInt8] = []
    private var isOpen = false

    /// Begins to connect to `address` ("127.0.0.1:23790").
    init(to address: String, tls: TLSClient?) throws {
        self.tls = try tls?.engine()
        descriptor = socket(
            AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestingError("socket: \(Self.errorText)") }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var name = try Self.socketName(address)
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result == -1 && errno != EINPROGRESS {
            ending = .broken("connect: \(Self.errorText)")
        }
    }

    deinit {
        close(descriptor)
    }

    /// Sends `bytes` as soon as that is possible.
    func send(_ bytes: [UInt8]) {
        if let tls {
            tls.send(bytes)
        } else {
            outgoing += bytes
        }
        flush()
    }

    /// Forgets the first `count` received bytes, for they were understood.
    func consume(_ count: Int) {
        received.removeFirst(count)
    }

    /// What `poll` is to wait for.
    var awaited: Int16 {
        Int16(isOpen && outgoing.isEmpty ? POLLIN : isOpen ? POLLIN | POLLOUT : POLLOUT)
    }

    /// Does what is possible now that `poll` has reported something.
    func proceed() {
        if !isOpen && ending == nil {
            finishConnecting()
        }
        flush()
        receive()
        flush()
    }

    private func finishConnecting() {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        if error == 0 {
            isOpen = true
        } else {
            ending = .broken("connect: \(String(cString: strerror(error)))")
        }
    }

    private func flush() {
        guard isOpen, ending == nil else { return }
        do {
            if let tls { outgoing += try tls.takeOutgoing() }
        } catch {
            ending = .broken("TLS: \(error)")
        }
        while !outgoing.isEmpty && ending == nil {
            let count = Glibc.send(descriptor, outgoing, outgoing.count, Int32(MSG_NOSIGNAL))
            if count > 0 {
                outgoing.removeFirst(count)
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                ending = .broken(Self.errorText)
            }
        }
    }

    private func receive() {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while isOpen && ending == nil {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                understand(Array(buffer[..<count]))
            } else if count == 0 {
                ending = .finished
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                ending = .broken(Self.errorText)
            }
        }
    }

    private func understand(_ bytes: [UInt8]) {
        do {
            received += try tls?.receive(bytes) ?? bytes
        } catch {
            ending = .broken("TLS: \(error)")
        }
    }

    private static var errorText: String { String(cString: strerror(errno)) }

    /// "127.0.0.1:2379" as the system calls want it.
    static func socketName(_ address: String) throws -> sockaddr_in {
        let parts = address.split(separator: ":")
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        guard parts.count == 2, let port = UInt16(parts[1]), inet_pton(AF_INET, String(parts[0]), &name.sin_addr) == 1
        else { throw TestingError("\(address) is no IPv4 address with a port") }
        name.sin_port = port.bigEndian
        return name
    }
}
