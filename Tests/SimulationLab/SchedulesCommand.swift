import ArgumentParser
import GatewaySimulation
import Synchronization

/// One gateway under many random schedules of faults; says how many, and what was broken first under which seed.
struct SchedulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedules", abstract: "One gateway under random faults, reloads and drains, once for each seed.")

    @Option(help: "How many seeds.")
    var seeds: UInt64 = 10_000

    @Option(help: "The first seed.")
    var first: UInt64 = 0

    @Option(help: "This seed alone, and all that happens.")
    var seed: UInt64?

    @Option(help: "How many processors.")
    var processors = 2

    func validate() throws {
        guard processors > 0, seeds > 0 else { throw ValidationError("a number is at least 1") }
    }

    func run() async throws {
        if let seed { return try tellStory(of: seed) }
        let range = first..<(first + seeds)
        let (clock, count) = (ContinuousClock(), seeds)
        let begin = clock.now
        let done = Mutex(UInt64(0))
        let failures = await FaultSchedules.run(range, processors: processors) { more in
            let (before, after) = done.withLock { done in
                defer { done += UInt64(more) }
                return (done, done + UInt64(more))
            }
            if before * 10 / count != after * 10 / count { print("\(after) of \(count) schedules") }
        }
        let seconds = (clock.now - begin) / .seconds(1)
        print(
            "\(seeds) schedules of faults, seeds \(first) to \(range.upperBound - 1), in \(Int(seconds)) s:",
            failures.count, "failed")
        for failure in failures.prefix(20) { print("SEED=\(failure.seed): \(failure.what)") }
        if let worst = failures.first {
            print("`make simulate SEED=\(worst.seed)` tells the whole story")
            throw ExitCode.failure
        }
    }

    private func tellStory(of seed: UInt64) throws {
        var simulation = Simulation(seed: seed, keepsStory: true)
        let violations = simulation.run()
        for line in simulation.story { print(line) }
        print("SEED=\(seed): \(violations.first ?? "every promise was kept")")
        if !violations.isEmpty { throw ExitCode.failure }
    }
}
