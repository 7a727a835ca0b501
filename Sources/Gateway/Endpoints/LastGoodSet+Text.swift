extension LastGoodSet {
    /// A set older than this is not used: seven days.
    public static let oldest = Duration.seconds(7 * 24 * 3600)
    /// No file of ours is longer: 256 endpoints of 16 addresses each stay far below.
    public static let longestText = 1 << 20

    private static let header = "etcd-gateway-endpoints 1"

    /// The set as text, with the time of day at which it is written (seconds since 1970) and a checksum at the end.
    public func text(savedAt seconds: Int64) -> String {
        var lines = [Self.header, "source \(source)", "saved \(seconds)"]
        for entry in entries {
            let words = ["endpoint"] + entry.declaration.words + entry.addresses.map(\.description)
            lines.append(words.joined(separator: " "))
        }
        let body = lines.joined(separator: "\n") + "\n"
        return body + "checksum \(Self.checksum(body))\n"
    }

    /// Reads a set back.
    /// - Parameters:
    ///   - text: The file's content.
    ///   - source: What the set must come from.
    ///   - seconds: The time of day now, since 1970.
    public init(parsing text: String, source: String, now seconds: Int64) throws(LastGoodSetError) {
        guard text.utf8.count <= Self.longestText else { throw .damaged }
        guard let end = text.range(of: "checksum ") else { throw .foreign }
        let body = text[..<end]
        guard text[end...] == "checksum \(Self.checksum(String(body)))\n" else { throw .damaged }
        var lines = body.split(atByte: "\n")
        guard lines.count >= 3, lines.removeFirst() == Self.header else { throw .foreign }
        guard lines.removeFirst() == "source \(source)" else { throw .otherSource }
        let saved = lines.removeFirst().split(atByte: " ")
        guard saved.count == 2, saved[0] == "saved", let savedAt = Int64(saved[1]) else { throw .damaged }
        // A clock that was set back by less than the limit is no reason to forget.
        let (age, overflow) = seconds.subtractingReportingOverflow(savedAt)
        guard !overflow, abs(age) <= Self.oldest.components.seconds else { throw .tooOld }
        guard lines.count <= EndpointSet.declaredAtMost else { throw .damaged }
        var entries: [Entry] = []
        for line in lines { entries.append(try Self.entry(line)) }
        self.init(source: source, entries: entries)
    }

    private static func entry(_ line: Substring) throws(LastGoodSetError) -> Entry {
        let words = line.split(atByte: " ")
        let first = 1 + EndpointDeclaration.wordCount
        guard words.count >= first, words.count <= first + ControlMachine.addressesAtMost, words[0] == "endpoint",
            let declaration = EndpointDeclaration(words: words[1..<first])
        else { throw .damaged }
        let addresses = words[first...].compactMap { IPAddress($0) }
        guard addresses.count == words.count - first else { throw .damaged }
        return Entry(declaration: declaration, addresses: addresses)
    }

    /// FNV-1a of 64 bits: against accidents, not against somebody who may write the file.
    private static func checksum(_ text: String) -> String {
        let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}

/// Why a remembered set is not used.
public enum LastGoodSetError: Error, Equatable, Sendable, CustomStringConvertible {
    case foreign
    case damaged
    case otherSource
    case tooOld

    /// For a log line.
    public var description: String {
        switch self {
        case .foreign: "not a file of this program"
        case .damaged: "damaged"
        case .otherSource: "written for another cluster"
        case .tooOld: "older than seven days"
        }
    }
}

extension String {
    /// Where the last occurrence of `word` at the start of a line begins.
    fileprivate func range(of word: String) -> String.Index? {
        var lineStart = startIndex
        var found: String.Index?
        while lineStart < endIndex {
            if self[lineStart...].hasPrefix(word) { found = lineStart }
            guard let newline = self[lineStart...].firstIndex(of: "\n") else { break }
            lineStart = index(after: newline)
        }
        return found
    }
}
