/// `/etc/hosts`: names that need no DNS.
public struct HostsFile: Hashable, Sendable {
    /// What lies behind this many bytes is not read.
    public static let longestFile = 1 << 20
    /// What lies behind this many lines is not read.
    public static let mostLines = 100_000
    /// A name has no more addresses than this; the first ones count.
    public static let mostAddresses = 16

    private var addressesByName: [String: [IPAddress]] = [:]

    /// Reads lines of an address and its names; `#` begins a comment, a line that cannot be read is ignored, as in hosts(5).
    public init(parsing text: String) {
        let lines = text.utf8.prefix(Self.longestFile).split(
            separator: UInt8(ascii: "\n"), maxSplits: Self.mostLines, omittingEmptySubsequences: false)
        for line in lines.prefix(Self.mostLines) { add(line) }
    }

    /// The addresses of a name, in the order of the file; empty where the file does not know it.
    ///
    /// Case and a dot at its end do not matter.
    public func addresses(for name: String) -> [IPAddress] {
        addressesByName[Self.normalized(Substring(name))] ?? []
    }

    private mutating func add(_ line: Substring.UTF8View) {
        let words = line.prefix { $0 != UInt8(ascii: "#") }.split { $0.isBlank || $0 == UInt8(ascii: "\r") }
        guard let first = words.first, let address = IPAddress(Substring(first)) else { return }
        for word in words.dropFirst() where Host.isValidName(Substring(word)) {
            let name = Self.normalized(Substring(word))
            let known = addressesByName[name, default: []]
            guard known.count < Self.mostAddresses, !known.contains(address) else { continue }
            addressesByName[name] = known + [address]
        }
    }

    private static func normalized(_ name: Substring) -> String {
        let name = name.lowercased()
        return name.utf8.last == UInt8(ascii: ".") ? String(name.dropLast()) : name
    }
}
