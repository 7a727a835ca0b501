/// A DNS name in a certificate, which may begin with `*.` for any one label (RFC 6125, section 6.4).
public struct CertificateName: Hashable, Sendable {
    private let labels: [Substring]

    /// `nil` where no host can have this name.
    public init?(_ text: some StringProtocol) {
        var name = Substring(text.lowercased())
        let isWildcard = name.hasPrefix("*.")
        if isWildcard { name = name.dropFirst(2) }
        guard Host.isValidName(name) else { return nil }
        let labels = Self.labels(of: name)
        // A wildcard for a whole top-level domain vouches for nobody.
        guard !isWildcard || labels.count > 1 else { return nil }
        self.labels = (isWildcard ? ["*"] : []) + labels
    }

    /// Whether the certificate is valid for the host with this name.
    public func covers(_ host: String) -> Bool {
        guard case .name(let name) = Host(host) else { return false }
        let wanted = Self.labels(of: Substring(name))
        guard labels.count == wanted.count else { return false }
        return labels.first == "*" ? labels.dropFirst() == wanted.dropFirst() : labels == wanted
    }

    private static func labels(of name: Substring) -> [Substring] {
        name.split(separator: ".")
    }
}
