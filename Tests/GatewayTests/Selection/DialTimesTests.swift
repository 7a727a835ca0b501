import Testing

@testable import Gateway

@Suite struct DialTimesTests {
    private func times(_ milliseconds: Int...) -> DialTimes {
        milliseconds.enumerated().reduce(into: DialTimes()) { times, sample in
            times.add(.milliseconds(sample.element), at: .at(Double(sample.offset)))
        }
    }

    @Test func median_ofTheLastFive() {
        #expect(DialTimes().usual == nil)
        #expect(times(7).usual == .milliseconds(7))
        #expect(times(9, 2, 5).usual == .milliseconds(5))
        #expect(times(900, 900, 1, 2, 3, 4, 5).usual == .milliseconds(3), "the first two are forgotten")
        #expect(times(1, 1000, 1, 1000, 1).usual == .milliseconds(1), "two lost packets of five change nothing")
    }

    @Test func measurement_isStaleAfterTwentySeconds() {
        #expect(DialTimes().isStale(at: .zero))
        #expect(!times(1).isStale(at: .at(19.9)) && times(1).isStale(at: .at(20)))
    }

    @Test(arguments: [
        (300, 1000, true), (700, 1000, true), (701, 1000, false), (1000, 1000, false), (1200, 1000, false),
        (50, 250, true), (60, 250, false), (10, 200, false),
    ])
    func clearlyFaster_isAThirdLess_andTwoHundredMicroseconds(time: Int, other: Int, isFaster: Bool) {
        #expect(DialTimes.isClearlyFaster(.microseconds(time), than: .microseconds(other)) == isFaster)
    }
}
