/// Whom a peer forwards to.
enum Upstream: Sendable {
    /// The sink, on this port of 127.0.0.1.
    case port(UInt16)
    /// An etcd member, "127.20.30.1:2379".
    case address(String)

    var text: String {
        switch self {
        case .port(let port): "127.0.0.1:\(port)"
        case .address(let address): address
        }
    }
}
