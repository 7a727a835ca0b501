import Gateway
import GatewayTesting
import Testing

@Suite struct BackoffTests {
    @Test func wait_staysBetweenHalfAndAllOfTheDoubledFirst_andBelowTheLongest() {
        let backoff = Backoff(first: .milliseconds(250), longest: .seconds(30))
        for seed in 0..<2_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            for failures in 1...12 {
                let full = min(Duration.milliseconds(250) * (1 << (failures - 1)), .seconds(30))
                let wait = backoff.wait(afterFailures: failures, using: &generator)
                #expect(wait >= full / 2 && wait <= full, "seed \(seed), \(failures) failures: \(wait)")
            }
        }
    }

    @Test(arguments: [Int.min, -1, 0, 1, 41, 1_000, .max])
    func anyNumberOfFailures_givesAWait(failures: Int) {
        var generator = SeededGenerator(seed: 1)
        for longest in [Duration.zero, .nanoseconds(1), .seconds(60), .seconds(Int64.max)] {
            let wait = Backoff(first: .seconds(1), longest: longest).wait(afterFailures: failures, using: &generator)
            #expect(wait >= .zero && wait <= max(longest, .nanoseconds(1)))
        }
    }

    @Test func machinesThatFailedTogether_doNotReturnTogether() {
        let waits = (0..<100 as Range<UInt64>).map { seed in
            var generator = SeededGenerator(seed: seed)
            return Backoff(first: .seconds(1), longest: .seconds(60)).wait(afterFailures: 5, using: &generator)
        }
        #expect(Set(waits).count > 95)
    }
}
