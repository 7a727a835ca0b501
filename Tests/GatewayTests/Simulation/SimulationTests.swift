import GatewaySimulation
import Testing

/// `make simulate` runs the same with ten thousand seeds, optimised; these few find a mistake of every day.
@Suite struct SimulationTests {
    @Test func everySchedule_keepsEveryPromise() async {
        let failures = await FaultSchedules.run(0..<300, processors: 2)
        let some = failures.prefix(10).map { "SEED=\($0.seed): \($0.what)" }.joined(separator: "\n")
        #expect(failures.isEmpty, "\(failures.count) schedules failed; `make simulate SEED=…` tells more:\n\(some)")
    }

    @Test func sameSeed_isTheSameStory() {
        for seed in 0..<2 as Range<UInt64> {
            var (one, other) = (Simulation(seed: seed, keepsStory: true), Simulation(seed: seed, keepsStory: true))
            #expect(one.run() == other.run())
            #expect(one.story == other.story && one.story.count > 5, "seed \(seed)")
        }
    }
}
