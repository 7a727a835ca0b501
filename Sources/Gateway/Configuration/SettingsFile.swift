/// A settings file: lines of `KEY=value`, as systemd and every shell can read them.
///
/// Lines that begin with `#` or `;` are comments. A value may stand in single or double quotes; nothing in it is expanded.
public struct SettingsFile: Hashable, Sendable {
    /// One line that sets something.
    public struct Entry: Hashable, Sendable {
        /// The text before `=`.
        public var key: String
        /// The text behind `=` without quotes; may be empty.
        public var value: String
        /// The line it stands on, from 1.
        public var line: Int
    }

    /// The largest file that is read, in bytes.
    public static let longestFile = 1 << 20
    /// The longest line that is read, in bytes.
    public static let longestLine = 4096
    /// After so many errors the rest of a file is not looked at: it is none of ours.
    public static let mostErrors = 32

    /// What the file sets, in its order; each key once.
    public private(set) var entries: [Entry] = []
    /// What is wrong with it, in its order; empty for a good file.
    public private(set) var errors: [SettingsFileError] = []

    /// Reads a whole file. A wrong line is noted in `errors` and the others are still read.
    public init(parsing text: String) {
        guard text.utf8.count <= Self.longestFile else {
            errors = [SettingsFileError(line: 1, problem: .fileTooLong)]
            return
        }
        var lineOfKey: [String: Int] = [:]
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where errors.count < Self.mostErrors {
            do throws(SettingsFileError.Problem) {
                guard let (key, value) = try Self.keyAndValue(line) else { continue }
                if let first = lineOfKey[key] { throw .duplicate(key: key, firstLine: first) }
                lineOfKey[key] = index + 1
                entries.append(Entry(key: key, value: value, line: index + 1))
            } catch {
                errors.append(SettingsFileError(line: index + 1, problem: error))
            }
        }
    }

    /// `nil` for a blank line and a comment.
    private static func keyAndValue(
        _ line: Substring.UTF8View
    ) throws(SettingsFileError.Problem) -> (key: String, value: String)? {
        guard line.count <= longestLine else { throw .lineTooLong }
        let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        let text = Substring(line).trimmingBlanks()
        guard let first = text.utf8.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else { return nil }
        guard !text.utf8.contains(where: { $0.isControl && !$0.isBlank }) else { throw .controlCharacter }
        guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { throw .noEqualsSign }
        let key = text[..<equals]
        guard !key.utf8.starts(with: "export ".utf8) else { throw .export }
        guard isKey(key) else { throw .key(String(key)) }
        return (String(key), try unquoted(Substring(text.utf8[equals...].dropFirst()).trimmingBlanks()))
    }

    private static func isKey(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, !first.isDigit else { return false }
        return text.utf8.allSatisfy { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_") }
    }

    /// Takes one pair of quotes off. A quote inside is refused, for shell, systemd and we would disagree about it.
    private static func unquoted(_ value: Substring) throws(SettingsFileError.Problem) -> String {
        let isQuote = { (byte: UInt8) in byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }
        guard let quote = value.utf8.first, isQuote(quote) else {
            guard !value.utf8.contains(where: isQuote) else { throw .quote }
            return String(value)
        }
        guard value.utf8.count >= 2, value.utf8.last == quote else { throw .quote }
        let inner = value.utf8.dropFirst().dropLast()
        guard !inner.contains(quote) else { throw .quote }
        return String(Substring(inner))
    }
}

/// A line of a settings file that cannot be read. The description says what would be right.
public struct SettingsFileError: Error, Hashable, Sendable {
    /// What can be wrong.
    public enum Problem: Error, Hashable, Sendable {
        /// More than 1 MiB.
        case fileTooLong
        /// More than 4,096 bytes.
        case lineTooLong
        /// A byte that text does not have.
        case controlCharacter
        /// Neither comment nor assignment.
        case noEqualsSign
        /// A shell's word that systemd does not know.
        case export
        /// No name of a variable.
        case key(String)
        /// Quotes that do not enclose the whole value.
        case quote
        /// A key that an earlier line has set.
        case duplicate(key: String, firstLine: Int)
    }

    /// The line, from 1.
    public var line: Int
    /// What is wrong with it.
    public var problem: Problem

    /// An error about one line.
    public init(line: Int, problem: Problem) {
        self.line = line
        self.problem = problem
    }
}

extension SettingsFileError: CustomStringConvertible {
    /// One line that begins with the number of the wrong one.
    public var description: String { "line \(line): \(problem)" }
}

extension SettingsFileError.Problem: CustomStringConvertible {
    /// What is wrong and what would be right, without the line number.
    public var description: String {
        switch self {
        case .fileTooLong: "the file is longer than 1 MiB; is it the right one?"
        case .lineTooLong: "the line is longer than 4,096 bytes; shorten it"
        case .controlCharacter: "there is a control character; write plain text"
        case .noEqualsSign: "there is no =; write KEY=value, or # before a comment"
        case .export: "there is an export; write KEY=value alone"
        case .key(let key):
            "\(quoted(key)) is no key; write KEY=value with letters, digits and _ before the =, and no space"
        case .quote: "the quotes do not enclose the whole value; write KEY=\"value\", or no quotes at all"
        case .duplicate(let key, let firstLine): "\(key) is already set on line \(firstLine); delete one of the two"
        }
    }
}
