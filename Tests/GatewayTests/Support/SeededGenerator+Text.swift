import GatewayTesting

extension SeededGenerator {
    /// Text of up to `longest` letters of an alphabet that hits the parsers' special cases.
    mutating func text(of alphabet: String, longest: Int) -> String {
        let letters = Array(alphabet)
        return String(
            (0..<Int.random(in: 0...longest, using: &self)).compactMap { _ in letters.randomElement(using: &self) })
    }
}
