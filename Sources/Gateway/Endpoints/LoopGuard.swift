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
        let target = address.ip.unmapped
        return listeners.contains { listener in
            guard listener.port == address.port else { return false }
            let own = listener.ip.unmapped
            // Dialing the unspecified address reaches the loopback one (Linux: ip(7), and ::1 likewise).
            if target.isUnspecified { return own.isUnspecified || own.isLoopback }
            return own.isUnspecified ? isLocal(target) : own == target
        }
    }

    private func isLocal(_ ip: IPAddress) -> Bool {
        ip.isLoopback || localAddresses.contains(ip)
    }
}
