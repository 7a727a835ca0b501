/// Text cut where a host ends and a port begins. Neither part has been judged yet.
struct HostAndPort {
    /// The host without brackets; may be empty.
    var host: Substring
    /// What follows the colon, possibly empty; `nil` where there is no colon.
    var port: Substring?
    /// Whether the host stood in brackets.
    var isBracketed: Bool

    /// Cuts `host`, `host:port`, `[host]`, `[host]:port`; without brackets, two or more colons are one IPv6 address.
    ///
    /// `nil` where a bracket is not closed, or something else than a port follows it.
    init?(_ text: some StringProtocol) {
        let text = Substring(text)
        if text.utf8.first == UInt8(ascii: "[") {
            guard let end = text.utf8.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let rest = text[text.utf8.index(after: end)...]
            guard rest.isEmpty || rest.utf8.first == UInt8(ascii: ":") else { return nil }
            host = text[text.utf8.index(after: text.startIndex)..<end]
            port = rest.isEmpty ? nil : rest[rest.utf8.index(after: rest.startIndex)...]
            isBracketed = true
            return
        }
        isBracketed = false
        let colons = text.utf8.indices.filter { text.utf8[$0] == UInt8(ascii: ":") }
        guard colons.count == 1, let colon = colons.first else {
            host = text
            port = nil
            return
        }
        host = text[..<colon]
        port = text[text.utf8.index(after: colon)...]
    }
}
