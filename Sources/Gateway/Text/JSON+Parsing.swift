extension JSON {
    /// Arrays and objects may stand in each other so deep.
    private static let deepest = 32

    /// Reads a JSON text; `nil` for anything else. Of escapes all that RFC 8259 knows are read.
    public init?(parsing text: some StringProtocol) {
        var reader = JSONReader(rest: Array(text.utf8)[...])
        guard let value = reader.value(depth: Self.deepest), reader.isAtEnd else { return nil }
        self = value
    }
}

/// What is left of a JSON text.
private struct JSONReader {
    var rest: ArraySlice<UInt8>

    var isAtEnd: Bool {
        mutating get {
            skipBlanks()
            return rest.isEmpty
        }
    }

    mutating func value(depth: Int) -> JSON? {
        skipBlanks()
        guard depth > 0, let first = rest.first else { return nil }
        switch first {
        case UInt8(ascii: "{"): return object(depth: depth - 1)
        case UInt8(ascii: "["): return array(depth: depth - 1)
        case UInt8(ascii: "\""): return string().map(JSON.string)
        case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return take("null") ? .null : nil
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> JSON? {
        var members: [JSON.Member] = []
        let isWhole = list(until: UInt8(ascii: "}")) { reader in
            reader.skipBlanks()
            guard let name = reader.string() else { return false }
            reader.skipBlanks()
            guard reader.take(":"), let value = reader.value(depth: depth) else { return false }
            members.append(JSON.Member(name, value))
            return true
        }
        return isWhole ? .object(members) : nil
    }

    private mutating func array(depth: Int) -> JSON? {
        var items: [JSON] = []
        let isWhole = list(until: UInt8(ascii: "]")) { reader in
            guard let item = reader.value(depth: depth) else { return false }
            items.append(item)
            return true
        }
        return isWhole ? .array(items) : nil
    }

    /// Items with commas between them, in brackets.
    private mutating func list(until close: UInt8, _ item: (inout JSONReader) -> Bool) -> Bool {
        rest.removeFirst()
        skipBlanks()
        if rest.first == close {
            rest.removeFirst()
            return true
        }
        while item(&self) {
            skipBlanks()
            guard let next = rest.popFirst() else { return false }
            if next == close { return true }
            guard next == UInt8(ascii: ",") else { return false }
        }
        return false
    }

    private mutating func number() -> JSON? {
        var taken = rest
        if taken.first == UInt8(ascii: "-") { taken.removeFirst() }
        guard let digits = Self.digits(&taken), digits == 1 || rest[taken.startIndex - digits] != UInt8(ascii: "0")
        else { return nil }
        if taken.first == UInt8(ascii: ".") {
            taken.removeFirst()
            guard Self.digits(&taken) != nil else { return nil }
        }
        if taken.first?.lowercased == UInt8(ascii: "e") {
            taken.removeFirst()
            if taken.first == UInt8(ascii: "+") || taken.first == UInt8(ascii: "-") { taken.removeFirst() }
            guard Self.digits(&taken) != nil else { return nil }
        }
        defer { rest = taken }
        return .number(String(decoding: rest[..<taken.startIndex], as: UTF8.self))
    }

    private static func digits(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        let count = bytes.prefix(while: \.isDigit).count
        bytes.removeFirst(count)
        return count == 0 ? nil : count
    }

    private mutating func string() -> String? {
        guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(validating: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escaped() else { return nil }
                bytes += Array(String(Character(scalar)).utf8)
            case 0..<0x20: return nil
            default: bytes.append(byte)
            }
        }
        return nil
    }

    /// What stands behind a backslash.
    private mutating func escaped() -> Unicode.Scalar? {
        switch rest.popFirst() {
        case UInt8(ascii: "\""): "\""
        case UInt8(ascii: "\\"): "\\"
        case UInt8(ascii: "/"): "/"
        case UInt8(ascii: "b"): "\u{8}"
        case UInt8(ascii: "f"): "\u{C}"
        case UInt8(ascii: "n"): "\n"
        case UInt8(ascii: "r"): "\r"
        case UInt8(ascii: "t"): "\t"
        case UInt8(ascii: "u"): unicode()
        default: nil
        }
    }

    /// Four digits, or two such escapes that make up one character beyond the first plane.
    private mutating func unicode() -> Unicode.Scalar? {
        guard let unit = codeUnit() else { return nil }
        guard (0xD800..<0xDC00).contains(unit) else { return Unicode.Scalar(unit) }
        guard take("\\u"), let low = codeUnit(), (0xDC00..<0xE000).contains(low) else { return nil }
        return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    }

    private mutating func codeUnit() -> UInt32? {
        guard rest.count >= 4 else { return nil }
        defer { rest.removeFirst(4) }
        return rest.prefix(4).reduce(UInt32?(0)) { unit, byte in
            guard let unit, let digit = byte.hexadecimalValue else { return nil }
            return unit << 4 + UInt32(digit)
        }
    }

    private mutating func take(_ word: StaticString) -> Bool {
        let bytes = Array("\(word)".utf8)
        guard rest.starts(with: bytes) else { return false }
        rest.removeFirst(bytes.count)
        return true
    }

    private mutating func skipBlanks() {
        while let first = rest.first, first.isBlank || first == 0x0A || first == 0x0D { rest.removeFirst() }
    }
}
