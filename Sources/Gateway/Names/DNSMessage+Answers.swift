/// What a reply says about a name.
public struct DNSAnswer<Value: Hashable & Sendable>: Hashable, Sendable {
    /// What was found, in the order of the reply, each once; may be empty.
    public var values: [Value]
    /// How long this holds: the smallest TTL on the way; for an empty answer what the zone says about "there is none".
    ///
    /// `nil` where the reply does not say.
    public var timeToLive: Duration?

    /// An answer from its parts.
    public init(values: [Value], timeToLive: Duration?) {
        self.values = values
        self.timeToLive = timeToLive
    }
}

extension DNSMessage {
    /// More aliases in a row than this are a loop, or as bad as one.
    public static let mostAliases = 16

    /// The addresses of a name, aliases followed.
    /// - Parameters:
    ///   - queryName: The name that was asked for; case and a dot at its end do not matter.
    ///   - type: `.a` or `.aaaa`; of any other type there are no addresses.
    public func addresses(for queryName: String, _ type: DNSRecordType) -> DNSAnswer<IPAddress> {
        answer(for: queryName) { data in
            switch data {
            case .a(let address) where type == .a: address
            case .aaaa(let address) where type == .aaaa: address
            default: nil
            }
        }
    }

    /// The SRV records of a name, aliases followed. A target `.` is among them: see `ServiceRecord.isUnavailable`.
    public func services(for queryName: String) -> DNSAnswer<ServiceRecord> {
        answer(for: queryName) { data in
            if case .srv(let service) = data { service } else { nil }
        }
    }

    private func answer<Value>(for queryName: String, _ value: (DNSRecord.Data) -> Value?) -> DNSAnswer<Value> {
        let (name, aliasTTL) = canonicalName(of: Self.normalized(queryName))
        var ttl = aliasTTL
        var seen: Set<Value> = []
        var values: [Value] = []
        for record in answers where record.name == name {
            guard let value = value(record.data) else { continue }
            ttl = min(ttl ?? record.ttl, record.ttl)
            if seen.insert(value).inserted { values.append(value) }
        }
        if values.isEmpty, let negative = authorityNegativeTTL { ttl = min(ttl ?? negative, negative) }
        return DNSAnswer(values: values, timeToLive: ttl.map { .seconds(Int64($0)) })
    }

    /// The name at the end of the aliases, and the smallest TTL on the way; `nil` where there is no alias.
    private func canonicalName(of queryName: String) -> (name: String, ttl: UInt32?) {
        var name = queryName
        var ttl: UInt32?
        for _ in 0..<Self.mostAliases {
            guard let (target, aliasTTL) = alias(of: name) else { break }
            ttl = min(ttl ?? aliasTTL, aliasTTL)
            name = target
        }
        return (name, ttl)
    }

    private func alias(of name: String) -> (target: String, ttl: UInt32)? {
        for record in answers where record.name == name {
            if case .cname(let target) = record.data { return (target, record.ttl) }
        }
        return nil
    }

    /// A name as `DNSRecord.name` writes it.
    private static func normalized(_ name: String) -> String {
        let name = name.lowercased()
        return name.utf8.count > 1 && name.utf8.last == UInt8(ascii: ".") ? String(name.dropLast()) : name
    }
}
