internal import Gateway
internal import Glibc

/// The addresses of this machine's interfaces; empty where the system will not tell.
enum LocalAddresses {
    // unsafe: the list is ours from getifaddrs(3) to freeifaddrs(3), and all that is kept of it is copied. The family
    // says how much there is of an address, and where: 4 bytes at 4 in a sockaddr_in, 16 at 8 in a sockaddr_in6
    // (netinet/in.h).
    static func read() -> Set<IPAddress> {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&first) == 0 else { return [] }
        defer { unsafe freeifaddrs(first) }
        var addresses: Set<IPAddress> = []
        var next = unsafe first
        while let interface = unsafe next {
            if let address = unsafe interface.pointee.ifa_addr, let ip = unsafe Self.address(of: address) {
                addresses.insert(ip)
            }
            unsafe next = unsafe interface.pointee.ifa_next
        }
        return addresses
    }

    private static func address(of pointer: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
        let raw = UnsafeRawPointer(pointer)
        // Not by its name: which C module the field belongs to changes with what else is imported somewhere.
        switch unsafe Int32(raw.load(as: sa_family_t.self)) {
        case AF_INET: return unsafe IPAddress(bytes: UnsafeRawBufferPointer(start: raw + 4, count: 4))
        case AF_INET6: return unsafe IPAddress(bytes: UnsafeRawBufferPointer(start: raw + 8, count: 16))
        default: return nil
        }
    }
}
