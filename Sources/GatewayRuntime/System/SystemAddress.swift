internal import Gateway
internal import Glibc

/// An address in the kernel's form.
struct SystemAddress {
    private var storage = sockaddr_storage()
    private var length: socklen_t

    /// AF_INET or AF_INET6.
    var family: Int32 { Int32(storage.ss_family) }

    // unsafe: all bytes are those of a sockaddr_storage of ours, which has room for any address: the first 24 at most
    // are read and written here, and the kernel is told a length that is not above the whole. It is lent as the
    // sockaddr that it begins as, for the call.
    init(_ address: SocketAddress) {
        let bytes = address.ip.bytes
        let isV4 = bytes.count == 4
        length = socklen_t(isV4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size)
        unsafe withUnsafeMutableBytes(of: &storage) { raw in
            unsafe raw.storeBytes(of: sa_family_t(isV4 ? AF_INET : AF_INET6), as: sa_family_t.self)
            unsafe raw.storeBytes(of: address.port.bigEndian, toByteOffset: 2, as: in_port_t.self)
            // sin_addr stands behind family and port; sin6_addr behind the flow label too (netinet/in.h).
            unsafe raw.baseAddress?.advanced(by: isV4 ? 4 : 8).copyMemory(from: bytes, byteCount: bytes.count)
        }
    }

    /// The address that a socket is bound to; `nil` where it has none.
    init?(boundTo descriptor: Int32) {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        guard result == 0, family == AF_INET || family == AF_INET6 else { return nil }
    }

    /// The same in our own form.
    var address: SocketAddress {
        unsafe withUnsafeBytes(of: storage) { raw in
            let port = unsafe UInt16(bigEndian: raw.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
            let bytes = unsafe family == AF_INET ? raw[4..<8] : raw[8..<24]
            guard let ip = unsafe IPAddress(bytes: bytes) else { preconditionFailure("4 or 16 bytes are an address") }
            return SocketAddress(ip: ip, port: port)
        }
    }

    /// connect(2) to this address.
    mutating func connect(_ descriptor: Int32) -> Int32 {
        unsafe withPointer { unsafe Glibc.connect(descriptor, $0, $1) }
    }

    /// Lends it in the form that system calls take.
    mutating func withPointer(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }
}
