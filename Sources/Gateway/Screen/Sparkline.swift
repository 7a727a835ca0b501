/// A few figures as a row of bars, one character each.
enum Sparkline {
    private static let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// The last `width` figures, scaled so that the largest of them has the highest bar.
    static func text(_ figures: [UInt64], width: Int) -> String {
        let shown = figures.suffix(width)
        guard let largest = shown.max(), largest > 0 else { return String(repeating: "▁", count: shown.count) }
        return String(shown.map { bars[Int(($0 * UInt64(bars.count - 1) + largest / 2) / largest)] })
    }
}
