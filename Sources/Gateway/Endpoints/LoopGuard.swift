/// Knows which addresses lead back to the gateway itself. Such an address is never dialed.
public struct LoopGuard: Equatable, Sendable {
    /// What the gateway listens on, with the ports that the kernel chose.
    public var listeners: [SocketAddress]
    /// The addresses of this machine's interfaces.
    public var localAddresses: Set<IPAddress>

    /// A guard that knows these listeners and interfaces.
    public init(listeners: [SocketAddress] = [], localAddresses: Set<IPAddress> = []) {
        self.listeners = listeners
        self.localAddresses = localAddresses
    }

    /// Whether a connection to `address` would be accepted by one of the listeners.
    public func isLoop(_ address: SocketAddress) -> Bool {
        let target = Self.reached(by: address.ip)
        return listeners.contains { listener in
            guard listener.port == address.port else { return false }
            let own = listener.ip.unmapped
            guard own.isUnspecified else { return own == target }
            // 0.0.0.0 hears IPv4 only; a [::] that a manager opened may hear both families.
            return (own.isIPv6 || !target.isIPv6) && isLocal(target)
        }
    }

    /// Whether this machine has any address of that family: else a dial fails here, which says nothing about the endpoint.
    func canReach(_ ip: IPAddress) -> Bool {
        localAddresses.isEmpty || localAddresses.contains { $0.unmapped.isIPv6 == ip.unmapped.isIPv6 }
    }

    private func isLocal(_ ip: IPAddress) -> Bool {
        ip.isLoopback || localAddresses.contains { $0.unmapped == ip }
    }

    /// Where a connection to `ip` ends: to the unspecified address means to this machine (Linux takes the loopback one).
    private static func reached(by ip: IPAddress) -> IPAddress {
        switch ip.unmapped {
        case .v4(0): .v4(0x7F00_0001)
        case .v6(0, 0): .v6(0, 1)
        case let other: other
        }
    }
}

extension IPAddress {
    fileprivate var isIPv6: Bool { if case .v6 = self { true } else { false } }
}
