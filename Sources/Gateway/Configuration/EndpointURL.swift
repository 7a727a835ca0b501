/// The two parts of a URL that matter to a gateway: the scheme and what stands between `//` and the next `/`, `?` or `#`.
struct EndpointURL {
    /// In lower case, or `nil` where the text has none.
    var scheme: String?
    /// Host and port; without the user, where the text is a URL.
    var authority: Substring

    /// Cuts text that may be a URL; every text is something, so nothing fails here.
    init(_ text: Substring) {
        let (scheme, rest) = Self.cutScheme(text)
        self.scheme = scheme
        let end = rest.utf8.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
        authority = rest[..<end]
        let isURL = rest.startIndex != text.startIndex
        if isURL, let at = authority.utf8.lastIndex(of: UInt8(ascii: "@")) {
            authority = authority[authority.utf8.index(after: at)...]
        }
    }

    /// Takes `scheme://` or a bare `//` off the front.
    private static func cutScheme(_ text: Substring) -> (scheme: String?, rest: Substring) {
        let name = text.utf8.prefix { $0.isLetter || $0.isDigit || "+-.".utf8.contains($0) }
        let rest = text[name.endIndex...]
        if let first = name.first, first.isLetter, rest.utf8.starts(with: "://".utf8) {
            return (Substring(name).lowercased(), Substring(rest.utf8.dropFirst(3)))
        }
        return (nil, text.utf8.starts(with: "//".utf8) ? Substring(text.utf8.dropFirst(2)) : text)
    }
}
