/// Numbers as people read them: three digits that matter, and a unit.
public enum Figures {
    /// `0 B`, `999 B`, `1.23 kB`, `45.6 GB`: powers of 1000.
    public static func bytes(_ count: some BinaryInteger) -> String { scaled(UInt64(clamping: count), unit: "B") }

    /// `1.23 MB/s`.
    public static func bytesPerSecond(_ count: some BinaryInteger) -> String { bytes(count) + "/s" }

    /// `85µs`, `1.2ms`, `250ms`, `4.0s`, `12s`, `3m12s`, `5h3m`, `12d4h`: at most two units.
    public static func duration(_ duration: Duration) -> String {
        let nanoseconds = max(0, duration.wholeNanoseconds)
        switch nanoseconds {
        case 0..<1_000_000: return "\(nanoseconds / 1000)µs"
        case ..<10_000_000: return tenths(nanoseconds, of: 1_000_000, "ms")
        case ..<1_000_000_000: return "\(nanoseconds / 1_000_000)ms"
        case ..<10_000_000_000: return tenths(nanoseconds, of: 1_000_000_000, "s")
        default: return wholeSeconds(nanoseconds / 1_000_000_000)
        }
    }

    private static func wholeSeconds(_ seconds: Int64) -> String {
        switch seconds {
        case ..<60: "\(seconds)s"
        case ..<3600: two(seconds / 60, "m", seconds % 60, "s")
        case ..<86_400: two(seconds / 3600, "h", seconds / 60 % 60, "m")
        default: two(seconds / 86_400, "d", seconds / 3600 % 24, "h")
        }
    }

    private static func two(_ large: Int64, _ largeUnit: String, _ small: Int64, _ smallUnit: String) -> String {
        small == 0 ? "\(large)\(largeUnit)" : "\(large)\(largeUnit)\(small)\(smallUnit)"
    }

    private static func tenths(_ number: Int64, of whole: Int64, _ unit: String) -> String {
        let tenths = number / (whole / 10)
        return "\(tenths / 10).\(tenths % 10)\(unit)"
    }

    private static func scaled(_ number: UInt64, unit: String) -> String {
        let prefixes = ["k", "M", "G", "T", "P", "E"]
        var (whole, rest, prefix) = (number, UInt64(0), "")
        for next in prefixes where whole >= 1000 { (whole, rest, prefix) = (whole / 1000, whole % 1000, next) }
        guard !prefix.isEmpty else { return "\(number) \(unit)" }
        let decimals = whole < 10 ? 2 : whole < 100 ? 1 : 0
        let fraction = decimals == 0 ? "" : "." + String(1000 + rest).dropFirst().prefix(decimals)
        return "\(whole)\(fraction) \(prefix)\(unit)"
    }
}
