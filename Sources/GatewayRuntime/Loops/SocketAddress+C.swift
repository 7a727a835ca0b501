internal import CSplice
internal import Gateway

extension csp_address {
    /// The address for the data plane.
    init(_ address: SocketAddress) {
        self.init()
        port = address.port
        let bytes = address.ip.bytes
        family = bytes.count == 4 ? .CSP_FAMILY_IPV4 : .CSP_FAMILY_IPV6
        unsafe withUnsafeMutableBytes(of: &ip) { unsafe $0.copyBytes(from: bytes) }  // unsafe: 4 or 16 bytes, into 16
    }
}

extension SocketAddress {
    /// The address that the data plane says.
    init(_ address: csp_address) {
        let length = address.family == .CSP_FAMILY_IPV4 ? 4 : 16
        let bytes = unsafe withUnsafeBytes(of: address.ip) { unsafe Array($0.prefix(length)) }  // unsafe: copied, of 16
        guard let ip = IPAddress(bytes: bytes) else { preconditionFailure("4 or 16 bytes are an address") }
        self.init(ip: ip, port: address.port)
    }
}
