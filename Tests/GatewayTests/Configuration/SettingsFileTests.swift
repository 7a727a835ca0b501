import Gateway
import GatewayTesting
import Testing

@Suite struct SettingsFileTests {
    private func entries(_ text: String) -> [String] {
        let file = SettingsFile(parsing: text)
        #expect(file.errors.isEmpty)
        return file.entries.map { "\($0.line):\($0.key)=\($0.value)" }
    }

    @Test func commentsAndBlankLines_areNothing() {
        #expect(entries("").isEmpty)
        #expect(entries("# a\n\n  ; b=c\n\t\n   # d").isEmpty)
    }

    @Test(arguments: [
        ("A=b", "b"), ("A=", ""), ("A=b  \t", "b"), ("  A=b", "b"), ("A= b", "b"), ("A=\"b\"", "b"), ("A='b'", "b"),
        ("A=\" b \" ", " b "), ("A=\"\"", ""), ("A='$X \"y\"'", "$X \"y\""), ("A=\"it's\"", "it's"),
        ("A=$HOME", "$HOME"),
        ("A=a b", "a b"), ("A=b # c", "b # c"), ("A=b=c", "b=c"), ("A=\\n", "\\n"), ("A=b\r", "b"), ("A=\"b\"\r", "b"),
        ("A=é", "é"),
        ("A=\u{301}", "\u{301}"),
    ])
    func values_loseQuotesAndBlanks_andNothingElse(line: String, value: String) {
        #expect(entries(line) == ["1:A=\(value)"])
        #expect(entries("# x\r\n\(line)\n#y") == ["2:A=\(value)"])
    }

    @Test func entries_keepTheirOrderAndLines() {
        #expect(entries("B=1\n\n# x\nA_2=3\n_c=4") == ["1:B=1", "4:A_2=3", "5:_c=4"])
    }

    @Test(
        arguments: [
            ("A", .noEqualsSign), ("A b", .noEqualsSign), ("export A=b", .export), ("A =b", .key("A ")),
            ("=b", .key("")),
            ("1A=b", .key("1A")), ("A-B=c", .key("A-B")), ("é=c", .key("é")), ("A=\"b", .quote), ("A=b\"", .quote),
            ("A='", .quote),
            ("A=\"b'", .quote), ("A=\"b\"c", .quote), ("A=a\"b\"c", .quote), ("A=\"a\"b\"", .quote),
            ("A=\u{0}", .controlCharacter),
            ("A=a\rb", .controlCharacter), ("A=\u{1B}[1m", .controlCharacter),
            ("A=" + String(repeating: "x", count: 4095), .lineTooLong),
        ] as [(String, SettingsFileError.Problem)])
    func wrongLine_isNamed_andTheOthersAreRead(line: String, problem: SettingsFileError.Problem) {
        let file = SettingsFile(parsing: "X=1\n\(line)\nY=2")
        #expect(file.errors == [SettingsFileError(line: 2, problem: problem)])
        #expect(file.entries.map(\.key) == ["X", "Y"])
        #expect(file.errors.first?.description.hasPrefix("line 2: ") == true)
    }

    @Test func keyGivenTwice_namesBothLines() {
        let file = SettingsFile(parsing: "A=1\nB=2\nA=3")
        #expect(file.errors.map(\.description) == ["line 3: A is already set on line 1; delete one of the two"])
        #expect(file.entries.map(\.value) == ["1", "2"])
    }

    @Test func longestLineAndFile_areRead_andNoLonger() {
        #expect(entries("A=" + String(repeating: "x", count: 4094)).count == 1)
        let full = String(repeating: String(repeating: "#", count: 1023) + "\n", count: 1024)
        #expect(entries(full).isEmpty)
        #expect(SettingsFile(parsing: full + "#").errors.map(\.problem) == [.fileTooLong])
    }

    @Test func rubbish_isGivenUpAfterThirtyTwoErrors() {
        let file = SettingsFile(parsing: String(repeating: "x\n", count: 1000) + "A=1")
        #expect(file.errors.count == SettingsFile.mostErrors)
        #expect(file.entries.isEmpty)
    }

    @Test func randomText_neverTraps() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            let file = SettingsFile(parsing: random.text(of: "AB=='\"\n\n\r#; \u{301}é\u{0}", longest: 30))
            for entry in file.entries { #expect(entry.line >= 1) }
        }
    }
}
