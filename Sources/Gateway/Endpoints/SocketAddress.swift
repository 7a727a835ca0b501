/// One address and port that can be dialed or listened on.
public struct SocketAddress: Hashable, Sendable {
    /// The address.
    public var ip: IPAddress
    /// The port, 0 to 65535; 0 only where the kernel shall choose one.
    public var port: UInt16

    /// An address and a port.
    public init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    /// Reads `1.2.3.4:5` or `[::1]:5`; `nil` for everything else, names and missing ports included.
    public init?(_ text: some StringProtocol) {
        guard
            let parts = HostAndPort(text),
            let ip = IPAddress(parts.host),
            let digits = parts.port, let port = UInt16(decimalDigits: digits)
        else { return nil }
        self.init(ip: ip, port: port)
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `1.2.3.4:5`, or `[::1]:5` with the brackets that IPv6 needs.
    public var description: String {
        switch ip {
        case .v4: "\(ip):\(port)"
        case .v6: "[\(ip)]:\(port)"
        }
    }
}

extension SocketAddress: Comparable {
    /// By address, then by port.
    public static func < (left: SocketAddress, right: SocketAddress) -> Bool {
        (left.ip, left.port) < (right.ip, right.port)
    }
}
