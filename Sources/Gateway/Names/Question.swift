/// One question to the name service.
public enum Question: Hashable, Sendable {
    /// The SRV records of a service name such as `_etcd-client._tcp.example.com`.
    case services(String)
    /// The addresses of a host, of one family.
    case addresses(String, AddressFamily)
}

/// A kind of address.
public enum AddressFamily: Hashable, Sendable, CaseIterable {
    /// A records.
    case v4
    /// AAAA records.
    case v6
}

/// What the name service said.
public enum Answer: Equatable, Sendable {
    /// SRV records, not empty, and for how long they hold.
    case services([ServiceRecord], timeToLive: Duration)
    /// Addresses, not empty, and for how long they hold.
    case addresses([IPAddress], timeToLive: Duration)
    /// The name, or records of that type, do not exist; for how long that holds, where it was said (SOA).
    case nothing(timeToLive: Duration?)
    /// No usable answer: a timeout, SERVFAIL, a refusal, garbage. The text says which.
    case failed(String)
}

extension Question: Comparable {
    /// Services before addresses, then by name, then IPv4 before IPv6: so that what is asked at a time has one order.
    public static func < (left: Question, right: Question) -> Bool { left.rank < right.rank }

    private var rank: (Int, String, Int) {
        switch self {
        case .services(let name): (0, name, 0)
        case .addresses(let name, let family): (1, name, family == .v4 ? 0 : 1)
        }
    }

    /// The name asked for, without a dot at its end.
    public var name: String {
        let name = rank.1
        return name.utf8.last == UInt8(ascii: ".") ? String(name.dropLast()) : name
    }
}
