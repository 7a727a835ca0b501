/// Many fault schedules, on all processors.
package enum FaultSchedules {
    /// A schedule under which a promise was broken.
    package struct Failure: Sendable {
        /// Which: `Simulation(seed:)` runs it again.
        package let seed: UInt64
        /// The first promise that was broken.
        package let what: String
    }

    /// Runs them all and returns those that failed, by seed. `progress` is called, on any thread, whenever so many more are
    /// done.
    package static func run(
        _ seeds: Range<UInt64>, processors: Int, progress: @escaping @Sendable (_ count: Int) -> Void = { _ in }
    ) async -> [Failure] {
        await withTaskGroup(of: [Failure].self) { group in
            for part in 0..<processors {
                group.addTask {
                    run(stride(from: seeds.lowerBound + UInt64(part), to: seeds.upperBound, by: processors), progress)
                }
            }
            var failures: [Failure] = []
            for await some in group { failures += some }
            return failures.sorted { $0.seed < $1.seed }
        }
    }

    private static let reportedTogether = 1_000

    private static func run(_ seeds: StrideTo<UInt64>, _ progress: (Int) -> Void) -> [Failure] {
        var (failures, done) = ([Failure](), 0)
        for seed in seeds {
            var simulation = Simulation(seed: seed)
            if let first = simulation.run().first { failures.append(Failure(seed: seed, what: first)) }
            done += 1
            if done == reportedTogether {
                progress(done)
                done = 0
            }
        }
        progress(done)
        return failures
    }
}
