/// An endpoint that somebody wrote down, in contrast to one that DNS told.
public struct StaticEndpoint: Hashable, Sendable {
    /// The port where etcd listens for clients, used where none is written.
    public static let defaultPort: UInt16 = 2379
    /// The weight of an endpoint that carries none.
    public static let defaultWeight: UInt16 = 1
    /// The priority of an endpoint that carries none.
    public static let defaultPriority: UInt16 = 0

    /// The scheme in lower case (`https`), or `nil` where none was written. It says nothing about how bytes are forwarded.
    public var scheme: String?
    /// The address or name to dial.
    public var host: Host
    /// The port to dial, 1 to 65535.
    public var port: UInt16
    /// The share of sessions among endpoints of the same priority, as in RFC 2782. Default 1.
    public var weight: UInt16
    /// Endpoints of a higher number serve only when all of lower numbers have failed, as in RFC 2782. Default 0.
    public var priority: UInt16

    /// An endpoint from its parts.
    public init(
        scheme: String? = nil, host: Host, port: UInt16 = defaultPort, weight: UInt16 = defaultWeight,
        priority: UInt16 = defaultPriority
    ) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.weight = weight
        self.priority = priority
    }
}

extension StaticEndpoint: CustomStringConvertible {
    /// `host:port`, with the brackets that IPv6 needs: what logs show.
    public var authority: String { "\(host.bracketed):\(port)" }

    /// The canonical text, which parses to the same endpoint: `https://[::1]:2379;weight=5;priority=1`.
    public var description: String {
        var text = (scheme.map { "\($0)://" } ?? "") + authority
        if weight != Self.defaultWeight { text += ";weight=\(weight)" }
        if priority != Self.defaultPriority { text += ";priority=\(priority)" }
        return text
    }
}

// Reading.
extension StaticEndpoint {
    /// Reads one endpoint: `host`, `host:port`, `[::1]:port`, `::1`, each possibly with options behind a semicolon.
    ///
    /// As `etcd gateway` does, it accepts a URL, remembers its scheme and drops user, path, query and fragment. Beyond that
    /// a missing port is 2379, and `;weight=5;priority=1` (in any order, each once, 0 to 65535) are the RFC 2782 numbers.
    public init(parsing item: some StringProtocol) throws(EndpointSyntaxError) {
        do throws(EndpointSyntaxError.Problem) {
            self = try Self.read(Substring(item))
        } catch {
            throw EndpointSyntaxError(item: String(item), problem: error)
        }
    }

    /// Reads endpoints joined by commas; the first wrong item is the error. At least one is needed.
    public static func parseList(_ text: some StringProtocol) throws(EndpointSyntaxError) -> [StaticEndpoint] {
        let items = commaSeparated(text)
        guard !items.isEmpty else { throw EndpointSyntaxError(item: "", problem: .noEndpoints) }
        var endpoints: [StaticEndpoint] = []
        for item in items { endpoints.append(try StaticEndpoint(parsing: item)) }
        return endpoints
    }

    private static func read(_ item: Substring) throws(EndpointSyntaxError.Problem) -> StaticEndpoint {
        guard !item.utf8.contains(where: { $0.isBlank || $0.isControl }) else { throw .blank }
        // By bytes: as a Character, the Greek question mark would equal the semicolon.
        let parts = item.utf8.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(Substring.init)
        guard let location = parts.first, !location.isEmpty else { throw .empty }
        let url = EndpointURL(location)
        let (host, port) = try hostAndPort(url.authority)
        var endpoint = StaticEndpoint(scheme: url.scheme, host: host, port: port)
        try endpoint.readOptions(parts.dropFirst())
        return endpoint
    }

    private static func hostAndPort(_ authority: Substring) throws(EndpointSyntaxError.Problem) -> (Host, UInt16) {
        guard let parts = HostAndPort(authority) else { throw .host("") }
        guard !parts.host.isEmpty else { throw .noHost }
        guard let host = Host(parts.host) else { throw .host(String(parts.host)) }
        if case .address(.v6) = host, !parts.isBracketed,
            parts.host.utf8.reversed().starts(with: ":2379".utf8.reversed())
        {
            throw .ambiguousPort(String(parts.host))
        }
        guard let digits = parts.port else { return (host, defaultPort) }
        guard let port = UInt16(decimalDigits: digits), port != 0 else { throw .port(String(digits)) }
        return (host, port)
    }

    private mutating func readOptions(_ options: some Sequence<Substring>) throws(EndpointSyntaxError.Problem) {
        var seen: [Substring] = []
        for option in options {
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let (name, value) = (parts.first ?? "", parts.count == 2 ? parts[1] : "")
            guard name == "weight" || name == "priority" else { throw .unknownOption(String(option)) }
            guard !seen.contains(name) else { throw .duplicateOption(String(name)) }
            guard let number = UInt16(decimalDigits: value) else {
                throw .optionValue(name: String(name), String(value))
            }
            seen.append(name)
            if name == "weight" { weight = number } else { priority = number }
        }
    }
}

/// The items of a list joined by commas; none for empty text. Double quotes around an item (CSV) are dropped.
func commaSeparated(_ text: some StringProtocol) -> [Substring] {
    guard !text.isEmpty else { return [] }
    return Substring(text).utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { item in
        let quote = UInt8(ascii: "\"")
        guard item.count >= 2, item.first == quote, item.last == quote else { return Substring(item) }
        return Substring(item.dropFirst().dropLast())
    }
}
