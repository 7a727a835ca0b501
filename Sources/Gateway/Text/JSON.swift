/// The value of a JSON text (RFC 8259). A number is kept as it is written, so that nothing is ever rounded.
public enum JSON: Hashable, Sendable {
    /// Nothing is known.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number in the words of JSON.
    case number(String)
    /// A text.
    case string(String)
    /// Values in their order.
    case array([JSON])
    /// Named values in their order.
    case object([Member])

    /// One named value of an object.
    public struct Member: Hashable, Sendable {
        /// Its name.
        public var name: String
        /// Its value.
        public var value: JSON

        /// A value with its name.
        public init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }
}

// Making one.
extension JSON {
    /// A whole number.
    public static func integer(_ number: some BinaryInteger) -> JSON { .number("\(number)") }

    /// A time in seconds, exact to the microsecond.
    public static func seconds(_ duration: Duration) -> JSON { .number(duration.decimalSeconds) }

    /// Texts in their order.
    public static func strings(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }

    /// Named values in this order.
    public static func members(_ members: KeyValuePairs<String, JSON>) -> JSON {
        .object(members.map { Member($0.key, $0.value) })
    }
}

// Reading one: `nil` where it is another kind of value.
extension JSON {
    /// The first value of that name in an object.
    public subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// A text.
    public var text: String? { if case .string(let text) = self { text } else { nil } }

    /// `true` or `false`.
    public var boolean: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The values of an array.
    public var items: [JSON]? { if case .array(let items) = self { items } else { nil } }

    /// A whole number that fits.
    public func integer<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number? {
        if case .number(let text) = self { Number(text) } else { nil }
    }

    /// A time in seconds.
    public var duration: Duration? {
        if case .number(let text) = self { Duration(decimalSeconds: text) } else { nil }
    }
}

extension JSON: CustomStringConvertible {
    /// The shortest text of it, on one line.
    public var description: String {
        var text = ""
        write(to: &text)
        return text
    }

    private func write(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let number): text += number
        case .string(let string): text += Self.quoted(string)
        case .array(let items): Self.write(items, between: "[", "]", to: &text) { $0.write(to: &$1) }
        case .object(let members):
            Self.write(members, between: "{", "}", to: &text) { member, text in
                text += Self.quoted(member.name) + ":"
                member.value.write(to: &text)
            }
        }
    }

    private static func write<Item>(
        _ items: [Item], between open: String, _ close: String, to text: inout String,
        _ write: (Item, inout String) -> Void
    ) {
        text += open
        for (index, item) in items.enumerated() {
            if index > 0 { text += "," }
            write(item, &text)
        }
        text += close
    }

    /// A JSON string: in quotes, with what may not stand in it escaped.
    public static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            // The last ones need not be escaped; but a terminal may be what shows it.
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

extension Duration {
    private static let nanosecondsPerSecond: Int64 = 1_000_000_000

    /// `12.000345`: seconds, cut to microseconds, without needless zeros.
    public var decimalSeconds: String {
        let nanoseconds = wholeNanoseconds
        let sign = nanoseconds < 0 && nanoseconds / 1000 != 0 ? "-" : ""
        let microseconds = nanoseconds.magnitude / 1000
        let (whole, part) = (microseconds / 1_000_000, microseconds % 1_000_000)
        guard part != 0 else { return "\(sign)\(whole)" }
        var digits = String(String(1_000_000 + part).dropFirst())
        while digits.utf8.last == UInt8(ascii: "0") { digits.removeLast() }
        return "\(sign)\(whole).\(digits)"
    }

    /// Reads what ``decimalSeconds`` writes. What is finer than a nanosecond is cut off; a number with an exponent is refused.
    init?(decimalSeconds text: String) {
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(
            separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first.flatMap({ Int64(decimalDigits: $0) }) else { return nil }
        var nanoseconds: Int64 = 0
        if parts.count == 2 {
            let digits = parts[1].prefix(9)
            guard let part = Int64(decimalDigits: digits), parts[1].utf8.allSatisfy(\.isDigit) else { return nil }
            nanoseconds = part * Self.power(9 - digits.utf8.count)
        }
        guard whole <= Int64.max / Self.nanosecondsPerSecond - 1 else { return nil }
        let total = whole * Self.nanosecondsPerSecond + nanoseconds
        self = .nanoseconds(isNegative ? -total : total)
    }

    private static func power(_ exponent: Int) -> Int64 { (0..<exponent).reduce(1) { power, _ in power * 10 } }
}
