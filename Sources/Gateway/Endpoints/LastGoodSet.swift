/// The endpoints that were last known good, with their addresses: what a start without DNS begins with. Never more than a
/// hint, replaced by the first answer.
public struct LastGoodSet: Equatable, Sendable {
    /// One endpoint and the addresses it had.
    public struct Entry: Hashable, Sendable {
        /// The endpoint.
        public var declaration: EndpointDeclaration
        /// Its addresses, at most 16; none for an endpoint that is an address itself.
        public var addresses: [IPAddress]

        /// An endpoint that had these addresses.
        public init(declaration: EndpointDeclaration, addresses: [IPAddress]) {
            self.declaration = declaration
            self.addresses = addresses
        }
    }

    /// Where the set came from; a set of another source is of no use: `discovery example.com`.
    public var source: String
    /// The endpoints, at most 256.
    public var entries: [Entry]

    /// A set from a source.
    public init(source: String, entries: [Entry]) {
        self.source = source
        self.entries = entries
    }

    /// The remembered addresses of a host.
    func addresses(of host: Host) -> [IPAddress] {
        entries.first { $0.declaration.key.host == host }?.addresses ?? []
    }
}

extension ControlOptions {
    /// What a remembered set must come from to be used with these settings.
    public var rememberedSource: String {
        guard case .services(let name)? = discovery?.tls else { return "endpoints" }
        return "discovery " + name
    }
}
