import Gateway
import GatewayTesting
import Testing

@Suite struct GoDurationTests {
    /// The table of Go's own TestParseDuration, as far as it is about good texts.
    @Test(
        arguments: [
            ("0", 0), ("5s", 5_000_000_000), ("30s", 30_000_000_000), ("1478s", 1_478_000_000_000),
            ("-5s", -5_000_000_000),
            ("+5s", 5_000_000_000), ("-0", 0), ("+0", 0), ("5.0s", 5_000_000_000), ("5.6s", 5_600_000_000),
            ("5.s", 5_000_000_000), (".5s", 500_000_000), ("1.0s", 1_000_000_000), ("1.00s", 1_000_000_000),
            ("1.004s", 1_004_000_000), ("1.0040s", 1_004_000_000), ("100.00100s", 100_001_000_000), ("10ns", 10),
            ("11us", 11_000), ("12µs", 12_000), ("12μs", 12_000), ("13ms", 13_000_000), ("14s", 14_000_000_000),
            ("15m", 900_000_000_000), ("16h", 57_600_000_000_000), ("3h30m", 12_600_000_000_000),
            ("10.5s4m", 250_500_000_000), ("-2m3.4s", -123_400_000_000), ("1h2m3s4ms5us6ns", 3_723_004_005_006),
            ("39h9m14.425s", 140_954_425_000_000), ("52763797000ns", 52_763_797_000),
            ("0.3333333333333333333h", 1_200_000_000_000 - 1), ("9007199254740993ns", 9_007_199_254_740_993),
            ("9223372036854775807ns", Int64.max), ("9223372036854775.807us", Int64.max),
            ("9223372036s854ms775us807ns", Int64.max), ("-9223372036854775808ns", Int64.min),
            ("-9223372036854775.808us", Int64.min), ("-2562047h47m16.854775808s", Int64.min),
            ("0.100000000000000000000h", 360_000_000_000), ("1.5h", 5_400_000_000_000), ("1m0s", 60_000_000_000),
            ("0.9223372036854775807h", 3_320_413_933_267), ("0.0000000001s", 0),
        ] as [(String, Int64)])
    func goodText_isRead(text: String, nanoseconds: Int64) throws {
        #expect(try Duration(goText: text) == .nanoseconds(nanoseconds))
    }

    @Test(
        arguments: [
            ("", .empty), ("3", .missingUnit), ("-", .notADuration), ("s", .notADuration), (".", .notADuration),
            ("-.", .notADuration), (".s", .notADuration), ("+.s", .notADuration), ("1d", .unknownUnit("d")),
            ("1m 0s", .unknownUnit("m ")), (" 1s", .notADuration), ("1s ", .unknownUnit("s ")),
            ("1S", .unknownUnit("S")),
            ("--1s", .notADuration), ("1s-1s", .unknownUnit("s-")), ("1e3s", .unknownUnit("e")), ("00", .missingUnit),
            ("3000000h", .outOfRange), ("9223372036854775808ns", .outOfRange), ("-9223372036854775809ns", .outOfRange),
            ("9223372036854775.808us", .outOfRange), ("9223372036854ms775us808ns", .outOfRange),
            ("99999999999999999999s", .outOfRange), ("1.1.1s", .missingUnit), ("abc", .notADuration),
            ("1\u{0}s", .unknownUnit("\u{0}s")),
            (String(repeating: "1s", count: 33), .notADuration),
        ] as [(String, GoDurationError)])
    func badText_isRefused(text: String, error: GoDurationError) {
        #expect(throws: error) { try Duration(goText: text) }
        #expect(!error.description.isEmpty)
    }

    /// The table of Go's own TestDurationString, and more.
    @Test(
        arguments: [
            (0, "0s"), (1, "1ns"), (1_100, "1.1µs"), (2_200_000, "2.2ms"), (3_300_000_000, "3.3s"),
            (245_000_000_000, "4m5s"),
            (245_001_000_000, "4m5.001s"), (18_367_001_000_000, "5h6m7.001s"), (480_000_000_001, "8m0.000000001s"),
            (Int64.max, "2562047h47m16.854775807s"), (Int64.min, "-2562047h47m16.854775808s"), (999, "999ns"),
            (1_000, "1µs"),
            (999_999, "999.999µs"), (250_000_000, "250ms"), (999_999_999, "999.999999ms"), (1_500_000_000, "1.5s"),
            (60_000_000_000, "1m0s"), (3_600_000_000_000, "1h0m0s"), (-1_000_000_000, "-1s"), (-1, "-1ns"),
        ] as [(Int64, String)])
    func durations_areWrittenAsGoDoes(nanoseconds: Int64, text: String) throws {
        #expect(Duration.nanoseconds(nanoseconds).goText == text)
        #expect(try Duration(goText: text) == .nanoseconds(nanoseconds))
    }

    @Test func extremeDurations_areWritten() {
        #expect(Duration(secondsComponent: .max, attosecondsComponent: 0).goText.hasSuffix("s"))
        #expect(Duration(secondsComponent: .min, attosecondsComponent: 0).goText.hasPrefix("-"))
        #expect(Duration(secondsComponent: 0, attosecondsComponent: 1).goText == "0s")
        #expect(Duration(secondsComponent: 0, attosecondsComponent: -1).goText == "0s")
    }

    @Test func everyDuration_survivesItsText() throws {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<20_000 {
            let nanoseconds = Int64(bitPattern: random.next()) >> Int64.random(in: 0..<63, using: &random)
            let duration = Duration.nanoseconds(nanoseconds)
            #expect(try Duration(goText: duration.goText) == duration)
        }
    }

    @Test func randomText_neverTraps() throws {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<50_000 {
            let text = random.text(of: "0123456789999..+-nuµμmsh ", longest: 40)
            guard let duration = try? Duration(goText: text) else { continue }
            #expect(try Duration(goText: duration.goText) == duration, "\(text)")
        }
    }
}
