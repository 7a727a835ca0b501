import Gateway

extension Instant {
    /// So many seconds after the clock's zero.
    static func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }
}

extension SocketAddress {
    /// `10.0.0.last:2379`.
    static func host(_ last: UInt32) -> SocketAddress { SocketAddress(ip: .v4(0x0A00_0000 + last), port: 2379) }
}

extension EndpointID {
    static func number(_ slot: UInt32) -> EndpointID { EndpointID(slot: slot) }
}
