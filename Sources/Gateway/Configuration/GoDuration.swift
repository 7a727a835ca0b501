/// Durations as Go writes and reads them, for our settings are those of a Go program.
///
/// This is `time.ParseDuration` and `time.Duration.String` of Go, with its range of ±292 years.
extension Duration {
    /// The longest text that is looked at, in bytes; a longer one is refused.
    private static let longestGoText = 64

    /// Reads `1m0s`, `250ms`, `1.5h`, `-1s`, `0`: numbers with units (`ns`, `us`, `µs`, `ms`, `s`, `m`, `h`), added up.
    ///
    /// What is finer than a nanosecond is cut off, as Go does.
    public init(goText text: some StringProtocol) throws(GoDurationError) {
        var rest = Substring(text).utf8
        guard rest.count <= Self.longestGoText else { throw .notADuration }
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        guard !rest.isEmpty else { throw text.isEmpty ? .empty : .notADuration }
        guard !rest.elementsEqual("0".utf8) else {
            self = .zero
            return
        }
        var total: Int128 = 0
        while !rest.isEmpty { total += try Self.nextPart(of: &rest) }
        let limit = Int128(Int64.max) + (isNegative ? 1 : 0)
        guard total <= limit else { throw .outOfRange }
        self = .nanoseconds(Int64(isNegative ? -total : total))
    }

    /// One number and its unit, in nanoseconds, taken off the front.
    private static func nextPart(of rest: inout Substring.UTF8View) throws(GoDurationError) -> Int128 {
        let whole = takePrefix(of: &rest) { $0.isDigit }
        var fraction = Substring()
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = takePrefix(of: &rest) { $0.isDigit }
        }
        guard !whole.isEmpty || !fraction.isEmpty else { throw .notADuration }
        let unitName = takePrefix(of: &rest) { !$0.isDigit && $0 != UInt8(ascii: ".") }
        guard !unitName.isEmpty else { throw .missingUnit }
        guard let unit = nanoseconds(inUnit: unitName) else { throw .unknownUnit(String(unitName)) }
        guard let number = UInt64(decimalDigits: whole.isEmpty ? "0" : whole) else { throw .outOfRange }
        return Int128(number) * unit + share(of: unit, decimals: fraction)
    }

    private static func takePrefix(of rest: inout Substring.UTF8View, while belongs: (UInt8) -> Bool) -> Substring {
        let prefix = rest.prefix(while: belongs)
        rest = rest[prefix.endIndex...]
        return Substring(prefix)
    }

    /// `decimals` are the digits behind a decimal point; the first 18 count.
    private static func share(of unit: Int128, decimals: Substring) -> Int128 {
        var result: Int128 = 0
        var scale: Int128 = 1
        for digit in decimals.utf8.prefix(18) {
            result = result * 10 + Int128(digit - UInt8(ascii: "0"))
            scale *= 10
        }
        return result * unit / scale
    }

    private static func nanoseconds(inUnit unit: Substring) -> Int128? {
        switch unit {
        case "ns": 1
        case "us", "\u{B5}s", "\u{3BC}s": 1_000
        case "ms": 1_000_000
        case "s": 1_000_000_000
        case "m": 60_000_000_000
        case "h": 3_600_000_000_000
        default: nil
        }
    }
}

extension Duration {
    /// The duration as Go prints it: `1m0s`, `250ms`, `1.5s`, `2h0m0s`, `0s`. Nothing finer than a nanosecond.
    public var goText: String {
        let (seconds, attoseconds) = components
        let nanoseconds = Int128(seconds) * 1_000_000_000 + Int128(attoseconds / 1_000_000_000)
        return (nanoseconds < 0 ? "-" : "") + Self.goText(nanoseconds: nanoseconds.magnitude)
    }

    private static func goText(nanoseconds: UInt128) -> String {
        switch nanoseconds {
        case 0: return "0s"
        case ..<1_000: return "\(nanoseconds)ns"
        case ..<1_000_000: return decimal(nanoseconds, unit: 1_000) + "µs"
        case ..<1_000_000_000: return decimal(nanoseconds, unit: 1_000_000) + "ms"
        default: break
        }
        let (minutes, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 60_000_000_000)
        let seconds = decimal(remainder, unit: 1_000_000_000) + "s"
        if minutes == 0 { return seconds }
        if minutes < 60 { return "\(minutes)m\(seconds)" }
        return "\(minutes / 60)h\(minutes % 60)m\(seconds)"
    }

    /// `value / unit` with as many decimals as it needs. `unit` is a power of ten.
    private static func decimal(_ value: UInt128, unit: UInt128) -> String {
        let (whole, remainder) = value.quotientAndRemainder(dividingBy: unit)
        guard remainder != 0 else { return "\(whole)" }
        var decimals = String(String(unit + remainder).dropFirst())
        while decimals.utf8.last == UInt8(ascii: "0") { decimals.removeLast() }
        return "\(whole).\(decimals)"
    }
}

/// Why a text is no duration. The description says what would be right.
public enum GoDurationError: Error, Hashable, Sendable {
    /// There is no text.
    case empty
    /// There is something else than numbers and units, or more than 64 bytes.
    case notADuration
    /// A number stands without a unit; only `0` may.
    case missingUnit
    /// A number stands before something that is no unit.
    case unknownUnit(String)
    /// More than 292 years.
    case outOfRange
}

extension GoDurationError: CustomStringConvertible {
    /// One sentence without a full stop.
    public var description: String {
        switch self {
        case .empty: "it is empty; write a number and a unit, such as 250ms, 1.5s or 1m0s"
        case .notADuration: "it is no duration; write a number and a unit, such as 250ms, 1.5s or 1m0s"
        case .missingUnit: "a number has no unit; add ms, s, m or h, such as 250ms, 1.5s or 1m0s"
        case .unknownUnit(let unit): "\(quoted(unit)) is no unit; use ns, us, ms, s, m or h, such as 250ms or 1m0s"
        case .outOfRange: "it is longer than 292 years"
        }
    }
}
