/// Turns texts into values, and notes every error instead of stopping at the first.
struct SettingsReader {
    let given: GivenSettings
    private(set) var errors: [SettingsError]

    init(_ given: GivenSettings) {
        self.given = given
        errors = given.errors
    }

    /// Notes that the text of a setting cannot be used.
    mutating func reject(_ value: GivenSettings.Value, _ advice: String) {
        errors.append(SettingsError(source: value.source, value: value.text, advice: advice))
    }

    /// Text where empty means none.
    func text(_ setting: Setting) -> String? {
        let text = given.last(of: setting).text
        return text.isEmpty ? nil : text
    }

    /// The values that Go's `strconv.ParseBool` accepts. `false` after an error.
    mutating func boolean(_ setting: Setting) -> Bool {
        let value = given.last(of: setting)
        switch value.text {
        case "1", "t", "T", "true", "TRUE", "True": return true
        case "0", "f", "F", "false", "FALSE", "False": return false
        default:
            reject(value, "write true or false")
            return false
        }
    }

    /// A whole number in the range of its setting. Zero after an error.
    mutating func number(_ setting: Setting) -> Int {
        let value = given.last(of: setting)
        guard case .number(let range) = setting.kind else { preconditionFailure("\(setting) is no number") }
        if let number = Int(decimalDigits: value.text), range.contains(number) { return number }
        reject(value, "write a whole number from \(range.lowerBound) to \(range.upperBound)")
        return 0
    }

    /// A duration in the range of its setting. `nil` after an error.
    mutating func duration(_ setting: Setting) -> Duration? {
        let value = given.last(of: setting)
        guard case .duration(let range, let zeroAllowed) = setting.kind else {
            preconditionFailure("\(setting) is no duration")
        }
        do {
            let duration = try Duration(goText: value.text)
            if range.contains(duration) || zeroAllowed && duration == .zero { return duration }
            reject(value, "allowed is \(setting.allowedValues ?? ""), such as \(setting.defaultText)")
        } catch {
            reject(value, "\(error)")
        }
        return nil
    }

    /// One of the words of an enumeration. `nil` after an error.
    mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(_ setting: Setting) -> Choice? {
        let value = given.last(of: setting)
        if let choice = Choice(rawValue: value.text) { return choice }
        let words = Choice.allCases.map(\.rawValue)
        let nearest = Nearest.match(for: value.text, among: words).map { "; did you mean \($0)?" } ?? ""
        reject(value, "write \(alternatives(words))\(nearest)")
        return nil
    }

    /// The items of a list that can be read, in their order. `read` returns an item, or what would be right.
    mutating func list<Item>(_ setting: Setting, _ read: (Substring) -> Result<Item, Advice>) -> [Item] {
        var items: [Item] = []
        for value in given.list(of: setting) {
            for text in commaSeparated(value.text) {
                switch read(text) {
                case .success(let item): items.append(item)
                case .failure(let advice):
                    reject(GivenSettings.Value(text: String(text), source: value.source), advice.text)
                }
            }
        }
        return items
    }

    /// What is wrong with an item of a list and what would be right.
    struct Advice: Error {
        var text: String
    }
}
