import Foundation
import Gateway
import GatewayTesting
import Testing

/// The table of settings is the truth; --help, settings file, man pages, completions and README agree with it.
///
/// Whoever adds a setting is told here what is missing: a line of README.md and a paragraph of each man page are written by
/// hand, the settings file is written by a command (see ``SettingsFileText``), the rest follows by itself.
@Suite struct DocumentsTests {
    private func document(_ path: String) throws -> String {
        try String(contentsOfFile: "\(ToolBox.packageRoot)/\(path)", encoding: .utf8)
    }

    /// A man page as it is read: roff's escapes and font changes make room for the letters.
    private func manPage(_ name: String) throws -> String {
        let lines = try document("docs/man/\(name)").split(separator: "\n").map { line in
            let words = line.hasPrefix(".") ? line.drop { $0 != " " }.dropFirst() : line
            return words.replacing("\\-", with: "-").replacing("\"", with: "")
        }
        return lines.joined(separator: " ")
    }

    /// What stands in a text and looks like this, whole words only.
    private func words(_ text: String, like pattern: String) throws -> Set<String> {
        let regex = try Regex<Substring>(pattern, as: Substring.self)
        return Set(text.matches(of: regex).map { String($0.output) })
    }

    private func program(_ arguments: [String]) async throws -> String {
        let process = try ChildProcess(ToolBox.gateway(), arguments)
        #expect(try await process.waitForExit() == .code(0))
        return process.output
    }

    private let flags = Set(Setting.allCases.map(\.flag))
    private let names = Set(Setting.allCases.map(\.environmentName))

    @Test func help_explainsEverySetting_withItsDefault() async throws {
        let help = try await program(["--help"]).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for setting in Setting.allCases {
            let fallback = setting.defaultText.isEmpty ? "" : " (default: \(setting.defaultText))"
            let text = "\(setting.summary)\(fallback)".split(separator: " ").joined(separator: " ")
            #expect(help.contains("\(setting.flag) <") && help.contains(text), "\(setting.flag)")
        }
        let others: Set = ["--help", "--version", "--endpoints=infra0", "--json", "--watch", "--sort", "--limit"]
        #expect(try words(help, like: "--[a-z][a-z-]+").subtracting(others).subtracting(flags).isEmpty)
    }

    @Test func settingsFile_isTheTable() throws {
        if ProcessInfo.processInfo.environment["WRITE_SETTINGS_FILE"] != nil {
            let path = "\(ToolBox.packageRoot)/\(SettingsFileText.path)"
            try SettingsFileText.text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        #expect(try document(SettingsFileText.path) == SettingsFileText.text, "how to write it anew: SettingsFileText")
    }

    @Test func settingsFile_saysNothing_andEveryLineOfItCanBeSaid() throws {
        let text = SettingsFileText.text
        let silent = Settings.resolve(flags: [:], environment: [:], file: ("file", text))
        #expect(try silent.result.get() == Settings.defaults)
        let said = SettingsFileText.settings.map { SettingsFileText.line($0).dropFirst() }.joined(separator: "\n")
        let loud = try Settings.resolve(flags: [:], environment: [:], file: ("file", said)).result.get()
        var same = Settings.defaults
        (same.endpointsAreDefault, same.listenAddressesAreDefault) = (false, false)
        #expect(loud == same)
    }

    @Test func manPageOfTheFile_hasEveryKey_itsDefault_andItsRange() throws {
        let page = try manPage("etcd-gateway.conf.5")
        for setting in SettingsFileText.settings {
            let line = SettingsFileText.line(setting).dropFirst()
            let paragraph = page.components(separatedBy: "\(line) ").dropFirst().first?
                .components(separatedBy: "ETCD_GATEWAY_").first
            guard let paragraph else {
                Issue.record("docs/man/etcd-gateway.conf.5 has no \(line)")
                continue
            }
            switch setting.kind {
            case .number, .duration: #expect(paragraph.contains(setting.allowedValues ?? "-"), "\(line)")
            case .choice(let words): #expect(words.allSatisfy { paragraph.contains($0) }, "\(line)")
            case .boolean, .text, .list: #expect(paragraph.count > 20, "\(line)")
            }
        }
        #expect(try words(page, like: "ETCD_GATEWAY_[A-Z_]+").subtracting(names).isEmpty)
    }

    @Test func manPageOfTheProgram_hasEveryFlag_andNoOther() throws {
        let page = try manPage("etcd-gateway.8")
        // The last one is systemctl's.
        let others: Set = ["--help", "--version", "--json", "--watch", "--sort", "--limit", "--now"]
        #expect(try words(page, like: "--[a-z][a-z-]+").subtracting(others) == flags)
        for setting in Setting.allCases where setting.isRepeatable {
            #expect(page.contains("\(setting.flag) (may be repeated)"))
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completions_knowEveryFlag(shell: String) async throws {
        let script = try await program(["--generate-completion-script", shell])
        for setting in Setting.allCases {
            #expect(script.contains(shell == "fish" ? "-l '\(setting.rawValue)'" : setting.flag), "\(setting.flag)")
        }
    }

    @Test func readme_hasARowForEveryFlag_withItsDefault() throws {
        // Other tables speak of flags as well: here the first column holds nothing else.
        let rows = try document("README.md").split(separator: "\n").filter {
            try $0.firstMatch(of: Regex("^\\| (`--[a-z-]+`(, )?)+ \\|")) != nil
        }
        for setting in Setting.allCases {
            let row = rows.first { $0.split(separator: "|").first?.contains("`\(setting.flag)`") == true }
            #expect(row != nil, "README.md has no row for \(setting.flag)")
            let isWord = !setting.defaultText.isEmpty
            #expect(
                row?.contains("`\(setting.defaultText)`") == true || !isWord, "README.md: default of \(setting.flag)")
        }
        #expect(try words(rows.joined(), like: "`--[a-z][a-z-]+`").subtracting(flags.map { "`\($0)`" }).isEmpty)
    }

    @Test func versionOfThePackage_isTheProgrammes() async throws {
        let version = try await program(["version"]).split(separator: " ").last?.dropLast()
        let first = try document("debian/changelog").split(separator: "\n").first
        #expect(first?.hasPrefix("etcd-gateway (\(version ?? "?")) ") == true)
    }
}
