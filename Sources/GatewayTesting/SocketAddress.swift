import Foundation

/// An address and port of IPv4 or IPv6, in the form that the socket calls take.
struct SocketAddress {
    private var storage = sockaddr_in6()
    private var length = socklen_t(MemoryLayout<sockaddr_in6>.size)

    /// Reads an address without brackets.
    init(_ address: String, port: UInt16) throws {
        storage.sin6_family = sa_family_t(AF_INET6)
        // The port stands at the same place in both forms.
        storage.sin6_port = port.bigEndian
        if inet_pton(AF_INET6, address, &storage.sin6_addr) == 1 { return }
        var shorter = in_addr()
        guard inet_pton(AF_INET, address, &shorter) == 1 else {
            throw TestingError("'\(address)' is no IP address")
        }
        storage.sin6_family = sa_family_t(AF_INET)
        // So does an IPv4 address, where the other form has its flow label.
        storage.sin6_flowinfo = shorter.s_addr
        length = socklen_t(MemoryLayout<sockaddr_in>.size)
    }

    /// Reads "127.0.0.1:2379" or "[::1]:2379".
    init(_ text: String) throws {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw TestingError("'\(text)' is no address and port")
        }
        try self.init(text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]")), port: port)
    }

    /// The address that a socket is bound to.
    init(boundTo descriptor: Int32) throws {
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { throw TestingError("getsockname: \(String(cString: strerror(errno)))") }
    }

    /// AF_INET or AF_INET6.
    var family: Int32 { Int32(storage.sin6_family) }

    var port: UInt16 { UInt16(bigEndian: storage.sin6_port) }

    mutating func withPointer<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Value) rethrows -> Value {
        try withUnsafePointer(to: &storage) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, length) }
        }
    }
}
