import Foundation
import GatewayTesting

/// A real terminal (tmux) with a shell in it, as somebody has before him.
final class TerminalScreen: Sendable {
    private let folder: TemporaryFolder
    private let server: ChildProcess

    /// Opens one of this size, and waits for the shell's prompt.
    init(columns: Int, rows: Int) async throws {
        folder = try TemporaryFolder()
        let socket = folder.path(of: "tmux")
        server = try ChildProcess(
            ToolBox.tool("tmux"), ["-S", socket, "-f", "/dev/null", "-D"], environment: ["TERM": "screen-256color"])
        try await eventually("tmux listens; it said: \(server.errors)") {
            FileManager.default.fileExists(atPath: socket)
        }
        _ = try await tmux(
            "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", "-s", "test", "env PS1='ready> ' /bin/sh")
        try await eventually("the shell is there") { try await lines().contains("ready>") }
    }

    /// Types a line and the enter key.
    func type(_ line: String) async throws { _ = try await tmux("send-keys", "-t", "test", line, "Enter") }

    /// Presses one key, as tmux calls it.
    func press(_ key: String) async throws { _ = try await tmux("send-keys", "-t", "test", key) }

    /// What is to be seen, without blanks at the ends of lines and empty lines at the end.
    func lines() async throws -> [String] {
        var lines = try await tmux("capture-pane", "-p", "-t", "test").components(separatedBy: "\n").map { line in
            String(line.reversed().drop { $0 == " " }.reversed())
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// The same with the sequences that colour it.
    func colouredText() async throws -> String { try await tmux("capture-pane", "-p", "-e", "-t", "test") }

    /// Whether a program has the alternate screen, whether the cursor can be seen, and how many lines have scrolled away.
    func state() async throws -> (isAlternate: Bool, hasCursor: Bool, scrolled: Int) {
        let words = try await tmux(
            "display-message", "-p", "-t", "test", "#{alternate_on} #{cursor_flag} #{history_size}"
        ).split(whereSeparator: \.isWhitespace)
        guard words.count == 3, let scrolled = Int(words[2]) else { throw TestingError("tmux said \(words)") }
        return (words[0] == "1", words[1] == "1", scrolled)
    }

    /// Changes its size, as somebody does with a window.
    func resize(columns: Int, rows: Int) async throws {
        _ = try await tmux("resize-window", "-t", "test", "-x", "\(columns)", "-y", "\(rows)")
    }

    private func tmux(_ arguments: String...) async throws -> String {
        let client = try ChildProcess(ToolBox.tool("tmux"), ["-S", folder.path(of: "tmux")] + arguments)
        guard try await client.waitForExit() == .code(0) else {
            throw TestingError("tmux \(arguments): \(client.errors)")
        }
        return client.output
    }
}
