/// The text form of an address: strict in what it reads (RFC 4291, section 2.2), canonical in what it writes (RFC 5952).
extension IPAddress: CustomStringConvertible {
    /// The longest text of an address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
    private static let longestText = 45

    /// An address from its text: four decimal numbers without leading zeros, or any RFC 4291 form of IPv6.
    ///
    /// `nil` for everything else: brackets, ports, zones (`fe80::1%eth0`), octal, `127.1`, spaces.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8.prefix(Self.longestText + 1))
        guard bytes.count <= Self.longestText else { return nil }
        if let value = Self.dottedQuad(bytes[...]) {
            self = .v4(value)
        } else if let groups = Self.groups(bytes) {
            self = .v6(Self.joined(groups.prefix(4)), Self.joined(groups.suffix(4)))
        } else {
            return nil
        }
    }

    /// The canonical text, without brackets: `10.0.0.1`, `2001:db8::1`, `::ffff:10.0.0.1`.
    public var description: String {
        switch self {
        case .v4(let value):
            return Self.dottedQuad(value)
        case .v6(let upper, let lower):
            if case .v4(let value) = unmapped { return "::ffff:" + Self.dottedQuad(value) }
            return Self.groupText(Self.split(upper) + Self.split(lower))
        }
    }
}

// Reading.
extension IPAddress {
    private static func dottedQuad(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard let octet = octet(part) else { return nil }
            value = value << 8 | UInt32(octet)
        }
        return value
    }

    /// A number of at most 255; a leading zero is refused, for some read it as octal.
    private static func octet(_ digits: ArraySlice<UInt8>) -> UInt8? {
        guard digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
        return UInt8(decimalDigits: String(decoding: digits, as: UTF8.self))
    }

    /// The eight groups of an IPv6 address. `::` stands for one or more groups of zero, once.
    private static func groups(_ text: [UInt8]) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        let gap = text.indices.dropLast().first { text[$0] == colon && text[$0 + 1] == colon }
        guard let gap else {
            guard let groups = groupList(text[...], mayEndInDottedQuad: true), groups.count == 8 else { return nil }
            return groups
        }
        guard
            let head = groupList(text[..<gap], mayEndInDottedQuad: false),
            let tail = groupList(text[(gap + 2)...], mayEndInDottedQuad: true),
            head.count + tail.count < 8
        else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    /// Groups joined by single colons; none for empty text.
    private static func groupList(_ text: ArraySlice<UInt8>, mayEndInDottedQuad: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if let group = group(part) {
                groups.append(group)
            } else if mayEndInDottedQuad, index == parts.count - 1, let value = dottedQuad(part) {
                groups += [UInt16(truncatingIfNeeded: value >> 16), UInt16(truncatingIfNeeded: value)]
            } else {
                return nil
            }
        }
        return groups
    }

    /// One to four hexadecimal digits.
    private static func group(_ digits: ArraySlice<UInt8>) -> UInt16? {
        guard 1...4 ~= digits.count else { return nil }
        var value: UInt16 = 0
        for byte in digits {
            guard let digit = byte.hexadecimalValue else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    private static func joined(_ groups: some Sequence<UInt16>) -> UInt64 {
        groups.reduce(0) { $0 << 16 | UInt64($1) }
    }
}

// Writing.
extension IPAddress {
    private static func dottedQuad(_ value: UInt32) -> String {
        [24, 16, 8, 0].map { String(UInt8(truncatingIfNeeded: value >> UInt32($0))) }.joined(separator: ".")
    }

    private static func split(_ half: UInt64) -> [UInt16] {
        [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
    }

    private static func groupText(_ groups: [UInt16]) -> String {
        func text(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard let gap = longestZeroRun(groups) else { return text(0..<groups.count) }
        return text(0..<gap.lowerBound) + "::" + text(gap.upperBound..<groups.count)
    }

    /// The longest run of two or more zero groups, the first of equally long ones (RFC 5952, section 4.2).
    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<1
        var start = 0
        for index in groups.indices {
            guard groups[index] == 0 else {
                start = index + 1
                continue
            }
            if index + 1 - start > longest.count { longest = start..<(index + 1) }
        }
        return longest.count >= 2 ? longest : nil
    }
}
