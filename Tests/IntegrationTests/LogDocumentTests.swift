import Foundation
import Gateway
import GatewayTesting
import Testing

/// docs/logs.md explains every message that the sources can write, at its level, and no other.
@Suite struct LogDocumentTests {
    /// A message as a source has it: text, and what is filled in.
    private struct Message: Hashable {
        var text: String
        var level: String
    }

    private static let root = ToolBox.packageRoot

    /// The rows of the tables: message, level, meaning, what to do.
    private func documented() throws -> [Message: [String]] {
        let text = try String(contentsOfFile: "\(Self.root)/docs/logs.md", encoding: .utf8)
        var rows: [Message: [String]] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            try #require(cells.count == 4, "\(line)")
            rows[Message(text: cells[0].trimmingCharacters(in: ["`"]), level: cells[1])] = cells
        }
        return rows
    }

    /// What stands in the calls of loggers, and in the lines of notices.
    private func written() throws -> Set<Message> {
        var messages: Set<Message> = []
        let call = #/logger\.(debug|info|notice|warning|error|critical)\(\s*"((?:[^"\\]|\\.)*)"/#
        let line = #/NoticeLine\(\s*\.(debug|info|warning|error),\s*"((?:[^"\\]|\\.)*)"/#
        for folder in ["Sources/GatewayRuntime", "Sources/Gateway"] {
            let files =
                FileManager.default.enumerator(atPath: "\(Self.root)/\(folder)")?.compactMap { $0 as? String } ?? []
            for file in files where file.hasSuffix(".swift") {
                let source = try String(contentsOfFile: "\(Self.root)/\(folder)/\(file)", encoding: .utf8)
                for match in source.matches(of: call) {
                    messages.insert(Message(text: filled(match.output.2), level: String(match.output.1)))
                }
                for match in source.matches(of: line) {
                    messages.insert(Message(text: filled(match.output.2), level: String(match.output.1)))
                }
            }
        }
        return messages
    }

    private func filled(_ text: Substring) -> String {
        String(text).replacing("\\(Setting.listenAddresses.flag)", with: Setting.listenAddresses.flag)
    }

    @Test func everyMessage_isExplained_andNoOther() throws {
        let warning = Message(text: "\\(warning)", level: "warning")  // those of settings speak for themselves
        let written = try written().subtracting([warning])
        let documented = try documented()
        #expect(written.count > 30, "the sources are searched as they are written")
        #expect(Set(documented.keys).subtracting(written) == [], "docs/logs.md explains what nobody writes")
        #expect(written.subtracting(documented.keys) == [], "docs/logs.md lacks messages")
    }

    @Test func everyRow_saysWhatToDo() throws {
        for cells in try documented().values { #expect(!cells[3].isEmpty, "\(cells[0])") }
    }
}
