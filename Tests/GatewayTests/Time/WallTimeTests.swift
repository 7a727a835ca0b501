import GatewayTesting
import Testing

@testable import Gateway

@Suite struct WallTimeTests {
    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
    ])
    func text_isThatOfRFC3339(milliseconds: Int64, text: String) {
        #expect("\(WallTime(milliseconds: milliseconds))" == text)
        #expect(WallTime(text) == WallTime(milliseconds: milliseconds))
    }

    @Test func everyTime_comesBack() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<10_000 {
            let time = WallTime(milliseconds: .random(in: -2_000_000_000_000...200_000_000_000_000, using: &generator))
            #expect(WallTime("\(time)") == time)
        }
    }

    @Test(arguments: ["", "2023-11-14", "2023-02-30T00:00:00.000Z", "2023-11-14T22:13:20.123+", "x"])
    func otherText_isRefused(text: String) {
        #expect(WallTime(text) == nil)
    }

    @Test func difference_isTheTimeBetween() {
        let time = WallTime(milliseconds: 10_000)
        #expect(time - .seconds(3) == WallTime(milliseconds: 7_000))
        #expect(time - WallTime(milliseconds: 7_500) == .milliseconds(2_500))
        #expect(time.timeOfDay == "00:00:10")
    }
}
