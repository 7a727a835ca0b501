/// The few questions our parsers ask about a byte. All text that we read is ASCII where it means something.
extension UInt8 {
    /// Whether this is `0` to `9`.
    var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

    /// Whether this is `a` to `z` or `A` to `Z`.
    var isLetter: Bool { lowercased >= UInt8(ascii: "a") && lowercased <= UInt8(ascii: "z") }

    /// Whether this is a space or a tab.
    var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

    /// Whether this is a control character (0 to 31, and 127).
    var isControl: Bool { self < 0x20 || self == 0x7F }

    /// Whether a host name may contain this byte in a label: letters, digits, `-` and `_`.
    var isHostNameByte: Bool { isLetter || isDigit || self == UInt8(ascii: "-") || self == UInt8(ascii: "_") }

    /// `A` to `Z` as `a` to `z`, everything else as it is.
    var lowercased: UInt8 { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self + 0x20 : self }

    /// The value of a hexadecimal digit, `nil` for any other byte.
    var hexadecimalValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension FixedWidthInteger {
    /// A number written with decimal digits only: no sign, no space, nothing behind it.
    ///
    /// `nil` for empty text, for any other byte, and for a number that does not fit.
    init?(decimalDigits text: some StringProtocol) {
        guard !text.isEmpty else { return nil }
        var value: Self = 0
        for byte in text.utf8 {
            guard byte.isDigit else { return nil }
            let (tens, tensOverflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = tens.addingReportingOverflow(Self(byte - UInt8(ascii: "0")))
            guard !tensOverflow, !sumOverflow else { return nil }
            value = sum
        }
        self = value
    }
}

extension StringProtocol where SubSequence == Substring {
    /// The text without spaces and tabs at both ends.
    func trimmingBlanks() -> Substring {
        var slice = Substring(self).utf8
        while let first = slice.first, first.isBlank { slice.removeFirst() }
        while let last = slice.last, last.isBlank { slice.removeLast() }
        return Substring(slice)
    }
}

extension StringProtocol {
    /// The parts between these bytes, empty ones left out. Between characters a separator would be none where a combining mark
    /// follows, and a newline none behind a carriage return.
    func split(atByte separator: Unicode.Scalar) -> [Substring] {
        Substring(self).utf8.split(separator: UInt8(ascii: separator)).map(Substring.init)
    }

    /// What follows these bytes; `nil` where it does not begin with them.
    func dropPrefix(_ prefix: String) -> Substring? {
        guard utf8.starts(with: prefix.utf8) else { return nil }
        return Substring(Substring(self).utf8.dropFirst(prefix.utf8.count))
    }
}
