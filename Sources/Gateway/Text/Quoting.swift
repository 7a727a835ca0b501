/// The longest text that an error message repeats, in bytes; the rest is replaced by `…`.
private let longestQuotation = 128

/// Text as an error message may repeat it: in double quotes, on one line, without control characters, at most 128 bytes.
///
/// What is quoted was wrong, so it may be anything; a terminal and a log line must survive it.
func quoted(_ text: some StringProtocol) -> String {
    "\"\(printable(text))\""
}

/// The same as `quoted`, without the quotes.
public func printable(_ text: some StringProtocol) -> String { printable(text, atMost: longestQuotation) }

/// The same, cut at another number of bytes.
public func printable(_ text: some StringProtocol, atMost longest: Int) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        guard result.utf8.count < longest else { return result + "…" }
        result += scalar.properties.isPrintable ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
    }
    return result
}

/// The members of a list in a sentence: `a`, `a or b`, `a, b or c`.
func alternatives(_ items: [String]) -> String {
    guard let last = items.last, items.count > 1 else { return items.first ?? "" }
    return items.dropLast().joined(separator: ", ") + " or " + last
}

extension Unicode.Scalar.Properties {
    /// Whether this neither ends a line, nor moves the cursor, nor changes the direction of writing.
    fileprivate var isPrintable: Bool {
        switch generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }
}
