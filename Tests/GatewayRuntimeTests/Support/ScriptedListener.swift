import Gateway
import GatewayTesting
import Glibc
import Synchronization

@testable import GatewayRuntime

/// A server that treats every connection alike, one after the other, and notes how each was ended by the client.
final class ScriptedListener: Sendable {
    /// What it does with a connection.
    enum Script: Sendable {
        /// Leaves it to the kernel, which accepts.
        case neverAccepts
        /// Reads, and says nothing.
        case silent
        /// Closes after the first bytes.
        case closes
        /// Answers each chunk of bytes with these.
        case says([UInt8])
    }

    /// How a client left.
    enum Ending: Hashable, Sendable {
        case fin
        case reset
    }

    /// Where it listens.
    let address: SocketAddress
    private let server: Server
    private let thread: SystemThread?

    /// Listens on a port of the kernel's choice.
    init(_ script: Script) throws {
        let server = Server(script: script)
        guard let ip = IPAddress("127.0.0.1") else { throw TestingError("loopback is an address") }
        address = SocketAddress(ip: ip, port: server.port)
        self.server = server
        if case .neverAccepts = script {
            thread = nil
        } else {
            thread = try SystemThread(name: "listener") { server.serve() }
        }
    }

    deinit {
        shutdown(server.descriptor, Int32(SHUT_RDWR))
        thread?.join()
        close(server.descriptor)
    }

    /// How its clients left, in their order.
    var endings: [Ending] { server.endings.withLock { $0 } }

    private final class Server: Sendable {
        let descriptor: Int32
        let port: UInt16
        let script: Script
        let endings = Mutex<[Ending]>([])

        init(script: Script) {
            self.script = script
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    precondition(bind(descriptor, pointer, length) == 0 && listen(descriptor, 64) == 0)
                    precondition(getsockname(descriptor, pointer, &length) == 0)
                }
            }
            self.descriptor = descriptor
            port = UInt16(bigEndian: name.sin_port)
        }

        func serve() {
            while true {
                let client = accept(descriptor, nil, nil)
                guard client != -1 else { return }
                let ending = converse(client)
                close(client)
                endings.withLock { $0.append(ending) }
            }
        }

        private func converse(_ client: Int32) -> Ending {
            var buffer = [UInt8](repeating: 0, count: 16_384)
            while true {
                let count = recv(client, &buffer, buffer.count, 0)
                guard count > 0 else { return count == 0 ? .fin : .reset }
                switch script {
                case .neverAccepts, .silent: break
                case .closes: return .fin
                case .says(let bytes): _ = send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                }
            }
        }
    }
}
