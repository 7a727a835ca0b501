/// The number of an endpoint: a slot that keeps its meaning while the endpoint is known, and is reused after.
public struct EndpointID: Hashable, Comparable, Sendable {
    /// 0 to ``EndpointSet/slots`` - 1.
    public var slot: UInt32

    /// The endpoint in this slot.
    public init(slot: UInt32) {
        self.slot = slot
    }

    /// By slot.
    public static func < (left: EndpointID, right: EndpointID) -> Bool { left.slot < right.slot }
}

/// What makes an endpoint the same one over time: where it is said to be. Addresses, weight and priority may change.
public struct EndpointKey: Hashable, Sendable, CustomStringConvertible {
    /// The name or address to dial.
    public var host: Host
    /// The port to dial.
    public var port: UInt16

    /// The endpoint at this host and port.
    public init(host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `host:port`, without the dot that marks a name as absolute.
    public var description: String {
        guard case .name(let name) = host, name.utf8.last == UInt8(ascii: ".") else {
            return "\(host.bracketed):\(port)"
        }
        return "\(name.dropLast()):\(port)"
    }
}

/// An endpoint as its source states it.
public struct EndpointDeclaration: Hashable, Sendable {
    /// Who says that the endpoint exists.
    public enum Origin: Hashable, Sendable {
        /// `--endpoints`.
        case configured
        /// An SRV record of the ssl service.
        case discoveredTLS
        /// An SRV record of the plain service, which nothing authenticates.
        case discoveredPlain
    }

    /// Where it is.
    public var key: EndpointKey
    /// Its tier: endpoints of a higher number serve only when nobody of a lower one can.
    public var priority: UInt16
    /// Its share among the endpoints of its tier.
    public var weight: UInt16
    /// Who says so.
    public var origin: Origin
    /// Whether it is said to speak TLS; `nil` where nothing is said.
    public var speaksTLS: Bool?

    /// An endpoint stated in all its parts.
    public init(key: EndpointKey, priority: UInt16, weight: UInt16, origin: Origin, speaksTLS: Bool?) {
        self.key = key
        self.priority = priority
        self.weight = weight
        self.origin = origin
        self.speaksTLS = speaksTLS
    }

    /// An endpoint from the command line.
    public init(_ endpoint: StaticEndpoint) {
        let tls: Bool? =
            switch endpoint.scheme {
            case "https", "unixs": true
            case "http", "unix": false
            default: nil
            }
        self.init(
            key: EndpointKey(host: endpoint.host, port: endpoint.port), priority: endpoint.priority,
            weight: endpoint.weight, origin: .configured, speaksTLS: tls)
    }
}
