import CSplice
import Glibc

/// Where a client can connect to.
enum Destination: Sendable {
    case ip(csp_address)
    case unix(String)

    var family: Int32 {
        switch self {
        case .ip(let address): address.family == .CSP_FAMILY_IPV4 ? AF_INET : AF_INET6
        case .unix: AF_UNIX
        }
    }

    func withSystemAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result) rethrows -> Result {
        switch self {
        case .ip(let address): try address.withSystemAddress(body)
        case .unix(let path): try withUnixAddress(path, body)
        }
    }
}

private func withUnixAddress<Result>(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
) rethrows -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    return try withUnsafeBytes(of: &address) { bytes in
        try bytes.withMemoryRebound(to: sockaddr.self) { addresses in
            guard let first = addresses.baseAddress else { preconditionFailure("a structure has an address") }
            return try body(first, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}

extension csp_address {
    /// 127.0.0.host
    static func loopback4(port: UInt16 = 0, host: UInt8 = 1) -> csp_address {
        ipv4(127, 0, 0, host, port: port)
    }

    static func ipv4(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8, port: UInt16) -> csp_address {
        var address = csp_address()
        address.family = .CSP_FAMILY_IPV4
        address.port = port
        withUnsafeMutableBytes(of: &address.ip) { $0.copyBytes(from: [first, second, third, fourth]) }
        return address
    }

    /// ::1
    static func loopback6(port: UInt16 = 0) -> csp_address {
        var address = csp_address()
        address.family = .CSP_FAMILY_IPV6
        address.port = port
        withUnsafeMutableBytes(of: &address.ip) { $0[15] = 1 }
        return address
    }

    var ipBytes: [UInt8] {
        withUnsafeBytes(of: ip) { Array($0.prefix(family == .CSP_FAMILY_IPV4 ? 4 : 16)) }
    }

    func withSystemAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result) rethrows -> Result {
        var storage = sockaddr_storage()
        let length: Int
        switch family {
        case .CSP_FAMILY_IPV4:
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: ipBytes) }
            length = MemoryLayout<sockaddr_in>.size
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
        case .CSP_FAMILY_IPV6:
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: ipBytes) }
            length = MemoryLayout<sockaddr_in6>.size
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
        }
        return try withUnsafePointer(to: &storage) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, socklen_t(length)) }
        }
    }
}

/// The port a socket is bound to.
func boundPort(of descriptor: Int32) throws -> UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    try check("getsockname", result)
    return withUnsafeBytes(of: storage) { bytes in
        storage.ss_family == sa_family_t(AF_INET)
            ? UInt16(bigEndian: bytes.load(as: sockaddr_in.self).sin_port)
            : UInt16(bigEndian: bytes.load(as: sockaddr_in6.self).sin6_port)
    }
}
