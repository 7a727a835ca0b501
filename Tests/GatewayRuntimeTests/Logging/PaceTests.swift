import Gateway
import Logging
import Synchronization
import Testing

@testable import GatewayRuntime

/// What could come many times a second is told once a minute, with the number of lines that were held back.
struct PaceTests {
    @Test func linesOfAMinute_areOne_andTheNextSaysHowManyThereWere() {
        var pace = Pace()
        var told: [Int] = []
        for millisecond in 0..<59_999 where millisecond % 10 == 0 {
            pace.write(at: .zero + .milliseconds(millisecond)) { told.append($0) }
        }
        #expect(told == [0])
        pace.write(at: .zero + .seconds(60)) { told.append($0) }
        pace.write(at: .zero + .seconds(61)) { told.append($0) }
        pace.write(at: .zero + .seconds(500)) { told.append($0) }
        #expect(told == [0, 5999, 1])
    }

    @Test func stormOfPauses_isALineAMinute_withTheErrorAndTheCount() {
        let lines = LineRecorder()
        let logger = Logger(label: "test") { _ in lines }
        var log = AcceptLog()
        for second in 0..<180 {
            for _ in 0..<100 { log.paused(error: 24, at: .zero + .seconds(second), logger) }
        }
        #expect(lines.all.count == 3)
        #expect(lines.all.map { $0["suppressed"] } == ["0", "5999", "5999"])
        #expect(lines.all.allSatisfy { $0["error"] == "EMFILE" })
    }
}

/// Keeps the fields of each line.
private final class LineRecorder: LogHandler, Sendable {
    private let lines = Mutex<[[String: String]]>([])

    var all: [[String: String]] { lines.withLock { $0 } }

    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }

    func log(event: LogEvent) {
        let fields = (event.metadata ?? [:]).mapValues { "\($0)" }
        lines.withLock { $0.append(fields) }
    }
}
