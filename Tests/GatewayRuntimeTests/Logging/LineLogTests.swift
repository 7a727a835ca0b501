import Gateway
import GatewayTesting
import Glibc
import Logging
import Testing

@testable import GatewayRuntime

struct LineLogTests {
    /// What a handler of this form writes, by write(2): each element is one read of a socket that keeps them apart.
    private func written(
        _ form: LineLog.Form, level: LogLevel = .debug, _ log: (Logger) -> Void
    ) throws -> [String] {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends) == 0)
        let (reading, writing) = (TestSocket(ends[0]), TestSocket(ends[1]))
        log(
            Logger(label: "test") { _ in
                LineLog(form: form, threshold: LogThreshold(level), descriptor: writing.descriptor)
            })
        var lines: [String] = []
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(reading.descriptor, &bytes, bytes.count)
            guard count > 0 else { return lines }
            lines.append(String(decoding: bytes[..<count], as: UTF8.self))
        }
    }

    @Test func eachLineIsOneWrite_inEveryForm() throws {
        for form in [LineLog.Form.text, .json, .journal] {
            let lines = try written(form) { logger in
                logger.info("one")
                logger.warning("two", metadata: ["list": .array(["a", "b"]), "text": "several\nlines"])
            }
            #expect(lines.count == 2)
            #expect(lines.allSatisfy { $0.hasSuffix("\n") && $0.dropLast().utf8.allSatisfy { $0 >= 0x20 } })
        }
    }

    @Test func textHasTimeLevelMessageAndFieldsInOrder() throws {
        let lines = try written(.text) { $0.warning("gone", metadata: ["b": "two words", "a": "1", "c": ""]) }
        let line = try #require(lines.first)
        #expect(line.dropFirst(24) == " warning gone a=1 b=\"two words\" c=\"\"\n")
        #expect(line.prefix(24).contains(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/))
    }

    @Test func jsonHasTheKeysOfEtcdGateway_andEscapes() throws {
        let lines = try written(.json) { logger in
            logger.warning(
                "say \"hi\"\\",
                metadata: ["key\n": "tab\t\u{1}é", "list": .array(["a", "b"]), "n": .stringConvertible(3)])
        }
        let line = try #require(lines.first)
        #expect(line.hasPrefix(#"{"level":"warn","ts":""#))
        #expect(line.hasSuffix(#""msg":"say \"hi\"\\","key\n":"tab\u0009\u0001é","list":["a","b"],"n":3}"# + "\n"))
    }

    @Test(arguments: [
        (Logger.Level.debug, 7), (.info, 6), (.notice, 5), (.warning, 4), (.error, 3), (.critical, 2),
    ])
    func journalLineBeginsWithItsPriority(level: Logger.Level, priority: Int) throws {
        let lines = try written(.journal) { $0.log(level: level, "word", metadata: ["key": "value"]) }
        #expect(lines == ["<\(priority)>word key=value\n"])
    }

    @Test func controlCharacters_neverReachATerminalOrSplitALine() throws {
        let nasty = "a\nb\r\u{1B}[2Jc\u{7F}d\u{9B}e\u{2028}f"
        for form in [LineLog.Form.text, .journal] {
            let lines = try written(form) { $0.info("\(nasty)", metadata: ["\(nasty)": "\(nasty)"]) }
            let line = try #require(lines.first)
            #expect(lines.count == 1)
            let bad = line.dropLast().unicodeScalars.filter {
                $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || $0.value == 0x2028
            }
            #expect(bad.isEmpty, "\(bad)")
        }
    }

    @Test func levelsBelowTheChosenOneAreSilent() throws {
        let lines = try written(.journal, level: .warning) { logger in
            logger.info("no")
            logger.warning("yes")
        }
        #expect(lines == ["<4>yes\n"])
    }

    @Test func readerThatDoesNotRead_losesLinesAndStopsNobody() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)  // blocking, as a service's stderr is
        let (reading, writing) = (TestSocket(ends[0]), TestSocket(ends[1]))
        let logger = Logger(label: "test") { _ in
            LineLog(form: .journal, threshold: LogThreshold(.info), descriptor: writing.descriptor)
        }
        for _ in 0..<10_000 { logger.info("a line that nobody reads, of some length so that the pipe is full soon") }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = read(reading.descriptor, &bytes, bytes.count)
        #expect(count > 4_096 && count <= 65_536)
        logger.info("there is room again")
        let more = read(reading.descriptor, &bytes, bytes.count)
        #expect(String(decoding: bytes[..<max(0, more)], as: UTF8.self).hasSuffix("<6>there is room again\n"))
    }
}
