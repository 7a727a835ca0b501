/// What a colour says; a terminal's own palette decides how it looks.
enum Colour: String {
    case good = "32"
    case warning = "33"
    case bad = "31"
    case strong = "1"
    case faint = "2"
}

/// Colours text on a terminal, and leaves it alone elsewhere.
struct Paint {
    let isColoured: Bool

    /// The text, with its colour switched on before and off after.
    func callAsFunction(_ text: String, _ colour: Colour?) -> String {
        guard isColoured, let colour else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }
}
