import Testing

@testable import Gateway

@Suite struct FiguresTests {
    @Test(arguments: [
        (UInt64(0), "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1234, "1.23 kB"), (9_999, "9.99 kB"),
        (10_000, "10.0 kB"), (99_949, "99.9 kB"), (100_000, "100 kB"), (999_999, "999 kB"), (1_050_000, "1.05 MB"),
        (45_600_000_000, "45.6 GB"), (.max, "18.4 EB"),
    ])
    func bytes_haveThreeDigits(count: UInt64, text: String) {
        #expect(Figures.bytes(count) == text)
    }

    @Test(arguments: [
        (Duration.zero, "0µs"), (.microseconds(85), "85µs"), (.microseconds(1250), "1.2ms"),
        (.milliseconds(250), "250ms"),
        (.milliseconds(4050), "4.0s"), (.seconds(12), "12s"), (.seconds(60), "1m"), (.seconds(192), "3m12s"),
        (.seconds(3600), "1h"), (.seconds(18_180), "5h3m"), (.seconds(86_400 * 12 + 3600 * 4), "12d4h"),
        (.seconds(-5), "0µs"),
    ])
    func durations_haveAtMostTwoUnits(duration: Duration, text: String) {
        #expect(Figures.duration(duration) == text)
    }
}
