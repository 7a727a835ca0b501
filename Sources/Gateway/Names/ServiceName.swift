/// The name under which DNS lists the members of a cluster (SRV records, RFC 2782).
public struct ServiceName: Hashable, Sendable {
    /// Whether the members listed there speak TLS.
    public var isSecure: Bool
    /// The name to ask for: `_etcd-client-ssl._tcp.example.com`. Ends with a dot where the domain does.
    public var text: String

    /// The names that `etcd gateway` asks for: the one for members with TLS, then the one for members without.
    ///
    /// - Parameters:
    ///   - domain: A host name: `example.com`.
    ///   - suffix: Tells clusters of one domain apart: with `a` it is `_etcd-client-ssl-a._tcp.example.com`. Empty is none.
    public static func all(domain: String, suffix: String? = nil) -> [ServiceName] {
        let tail = (suffix.map { $0.isEmpty ? "" : "-" + $0 } ?? "") + "._tcp." + domain
        return [
            ServiceName(isSecure: true, text: "_etcd-client-ssl" + tail),
            ServiceName(isSecure: false, text: "_etcd-client" + tail),
        ]
    }
}

extension ServiceName: CustomStringConvertible {
    /// The name to ask for.
    public var description: String { text }
}
