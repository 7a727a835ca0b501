/// Where an endpoint lives: an address, or a name that DNS turns into addresses.
public enum Host: Hashable, Sendable {
    /// An address; nothing to resolve.
    case address(IPAddress)
    /// A host name in lower case; a dot at its end means that it is absolute (no search list).
    case name(String)
}

extension Host {
    /// An address or a valid host name; brackets and ports are not part of a host.
    ///
    /// `nil` for anything else: see `isValidName`.
    public init?(_ text: some StringProtocol) {
        if let address = IPAddress(text) {
            self = .address(address)
        } else if Self.isValidName(text) {
            self = .name(text.lowercased())
        } else {
            return nil
        }
    }

    /// Whether this can be a host name: labels of 1 to 63 letters, digits, `-` or `_`, joined by dots, 253 bytes at most.
    ///
    /// One dot may follow. A name of nothing but numbers (`1.2.3`, `10.0.0.256`) is a mistyped address, so it is none.
    public static func isValidName(_ text: some StringProtocol) -> Bool {
        var name = Array(text.utf8.prefix(255))
        if name.last == UInt8(ascii: ".") { name.removeLast() }
        guard 1...253 ~= name.count else { return false }
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return labels.allSatisfy { 1...63 ~= $0.count && $0.allSatisfy(\.isHostNameByte) }
            && !labels.allSatisfy { $0.allSatisfy(\.isDigit) }
    }
}

extension Host: CustomStringConvertible {
    /// The address in its canonical form, without brackets, or the name.
    public var description: String {
        switch self {
        case .address(let address): address.description
        case .name(let name): name
        }
    }

    /// The host as it stands before a colon and a port: IPv6 in brackets.
    var bracketed: String {
        if case .address(.v6) = self { "[\(self)]" } else { description }
    }
}
