import Foundation

/// An IPv4 address and port as the system calls want it.
struct SocketAddress {
    private var storage = sockaddr_in()

    init(_ address: String, port: UInt16) throws {
        storage.sin_family = sa_family_t(AF_INET)
        storage.sin_port = port.bigEndian
        guard inet_pton(AF_INET, address, &storage.sin_addr) == 1 else {
            throw TestingError("'\(address)' is no IPv4 address")
        }
    }

    /// Reads "127.0.0.1:2379".
    init(_ text: String) throws {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1]) else {
            throw TestingError("'\(text)' is no IPv4 address and port")
        }
        try self.init(String(parts[0]), port: port)
    }

    /// The address that a socket is bound to.
    init(boundTo descriptor: Int32) throws {
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { throw TestingError("getsockname: \(String(cString: strerror(errno)))") }
    }

    var port: UInt16 { UInt16(bigEndian: storage.sin_port) }

    mutating func withPointer<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Value) rethrows -> Value {
        try withUnsafePointer(to: &storage) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
