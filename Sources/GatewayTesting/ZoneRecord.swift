/// A DNS record in a zone that a test serves. Names are relative to the zone.
public enum ZoneRecord: Equatable, Sendable {
    /// Where a service is to be found; `service` is "_etcd-client._tcp".
    case srv(service: String, priority: UInt16 = 0, weight: UInt16 = 0, port: UInt16, target: String, ttl: UInt32 = 60)
    /// An IPv4 address.
    case a(_ name: String, _ address: String, ttl: UInt32 = 60)
    /// An IPv6 address.
    case aaaa(_ name: String, _ address: String, ttl: UInt32 = 60)
    /// Another name for `target`.
    case cname(_ name: String, target: String, ttl: UInt32 = 60)

    /// The record as a line of a zone file.
    var line: String {
        switch self {
        case .srv(let service, let priority, let weight, let port, let target, let ttl):
            "\(service) \(ttl) IN SRV \(priority) \(weight) \(port) \(target)"
        case .a(let name, let address, let ttl):
            "\(name) \(ttl) IN A \(address)"
        case .aaaa(let name, let address, let ttl):
            "\(name) \(ttl) IN AAAA \(address)"
        case .cname(let name, let target, let ttl):
            "\(name) \(ttl) IN CNAME \(target)"
        }
    }
}
