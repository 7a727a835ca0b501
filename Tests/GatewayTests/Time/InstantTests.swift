import Gateway
import Testing

@Suite struct InstantTests {
    @Test func sum_andDifference_areInverse() {
        #expect(Instant.at(5) + .milliseconds(250) == Instant(nanoseconds: 5_250_000_000))
        #expect(Instant.at(5) - .at(7) == .seconds(-2))
    }

    @Test func sum_beyondTheEnd_isTheEnd() {
        #expect(Instant(nanoseconds: .max) + .seconds(1) == Instant(nanoseconds: .max))
        #expect(Instant(nanoseconds: .min) + .seconds(-1) == Instant(nanoseconds: .min))
        #expect(Instant.at(1) + .seconds(Int64.max) == Instant(nanoseconds: .max))
    }

    @Test func difference_ofTheEnds_doesNotOverflow() {
        let all = Instant(nanoseconds: .max) - Instant(nanoseconds: .min)
        #expect(all > .seconds(Int64.max / 1_000_000_000))
    }

    @Test(
        arguments: [
            (.zero, 0), (.seconds(-1), -1_000_000_000), (.seconds(Int64.max), .max), (.seconds(Int64.min), .min),
        ] as [(Duration, Int64)])
    func wholeNanoseconds_isTheNearestThatFits(duration: Duration, nanoseconds: Int64) {
        #expect(duration.wholeNanoseconds == nanoseconds)
    }
}
