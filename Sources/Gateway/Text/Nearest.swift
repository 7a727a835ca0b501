/// Finds the name that somebody probably meant, for error messages.
enum Nearest {
    /// No name of ours is longer; whatever is longer resembles none.
    private static let longestName = 64

    /// The candidate that differs least from `text`, or `nil` where none is near: more than a third of its letters differ.
    ///
    /// Of equally near candidates the first wins. Case does not count.
    static func match(for text: String, among candidates: [String]) -> String? {
        guard text.utf8.count <= longestName else { return nil }
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let distance = editDistance(text, candidate)
            guard distance * 3 <= candidate.utf8.count else { continue }
            if let known = best, known.distance <= distance { continue }
            best = (candidate, distance)
        }
        return best?.candidate
    }

    /// How many bytes must be inserted, deleted or replaced to turn one text into the other (Levenshtein), case ignored.
    static func editDistance(_ left: String, _ right: String) -> Int {
        let right = right.utf8.map(\.lowercased)
        var previous = Array(0...right.count)
        for (row, leftByte) in left.utf8.enumerated() {
            var current = [row + 1]
            for (column, rightByte) in right.enumerated() {
                let replaced = previous[column] + (leftByte.lowercased == rightByte ? 0 : 1)
                current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[right.count]
    }
}
