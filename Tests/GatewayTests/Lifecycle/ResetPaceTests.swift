import Gateway
import Testing

@Suite struct ResetPaceTests {
    /// When the last of so many is reset, and how many at a time.
    private func last(_ sessions: Int, over spread: Duration) -> Duration {
        let pace = ResetPace(of: UInt64(sessions), over: spread)
        let steps = (sessions + Int(pace.perStep) - 1) / Int(pace.perStep)
        return pace.step * max(0, steps - 1)
    }

    @Test(arguments: [0, 1, 2, 3, 24, 25, 26, 100, 999, 1_000])
    func deadOnes_areResetWithinHalfASecond(sessions: Int) {
        #expect(last(sessions, over: ResetPace.ofDead(sessions)) <= .milliseconds(500))
    }

    @Test(arguments: [1_500, 5_000, 100_000])
    func manyDeadOnes_takeLonger_inProportion(sessions: Int) {
        let time = last(sessions, over: ResetPace.ofDead(sessions))
        let wanted = Duration.milliseconds(sessions / 2)
        #expect(time <= wanted && time >= wanted * 0.9)
    }

    @Test(arguments: [1, 2, 10, 250, 251, 5_000])
    func removedOnes_areSpreadOverFiveSeconds_neverMoreOftenThanEvery20Milliseconds(sessions: Int) {
        let pace = ResetPace(of: UInt64(sessions), over: ResetPace.unhurried)
        #expect(pace.step >= ResetPace.shortestStep && pace.perStep >= 1)
        #expect(last(sessions, over: ResetPace.unhurried) <= .seconds(5))
        #expect(sessions < 10 || last(sessions, over: ResetPace.unhurried) >= .seconds(4))
    }
}
