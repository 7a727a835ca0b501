internal import Gateway
internal import Logging

extension Logger.MetadataValue {
    /// For a line of text: lists in brackets, texts with spaces in quotes.
    var plainText: String {
        switch self {
        case .string(let text): text.needsQuotes ? text.jsonQuoted : text
        case .stringConvertible(let value): "\(value)"
        case .array(let values): "[" + values.map(\.plainText).joined(separator: " ") + "]"
        case .dictionary(let values):
            "{" + values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.plainText)" }.joined(separator: " ")
                + "}"
        }
    }

    /// As JSON; whatever is no list and no object is a string.
    var json: String {
        switch self {
        case .string(let text): text.jsonQuoted
        case .stringConvertible(let value as Int): "\(value)"
        case .stringConvertible(let value): "\(value)".jsonQuoted
        case .array(let values): "[" + values.map(\.json).joined(separator: ",") + "]"
        case .dictionary(let values):
            "{"
                + values.sorted { $0.key < $1.key }.map { "\($0.key.jsonQuoted):\($0.value.json)" }.joined(
                    separator: ",")
                + "}"
        }
    }
}

extension String {
    /// A JSON string (RFC 8259).
    var jsonQuoted: String { JSON.quoted(self) }

    /// Whether it could be taken for several words, or for none.
    fileprivate var needsQuotes: Bool {
        isEmpty || utf8.contains { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\"") }
    }

    /// Control characters made harmless: a line stays one line, and a terminal is not steered.
    var onOneLine: String {
        String(unicodeScalars.map { $0.isSteering ? " " : Character($0) })
    }
}

extension Unicode.Scalar {
    /// C0 and C1 control characters and the separators of lines and paragraphs.
    fileprivate var isSteering: Bool {
        value < 0x20 || (0x7F...0x9F).contains(value) || value == 0x2028 || value == 0x2029
    }
}
