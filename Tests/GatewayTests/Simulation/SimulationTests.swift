import Glibc
import Testing

@Suite struct SimulationTests {
    /// How many seeds are run: SIMULATION_SEEDS, or 2,000; SIMULATION_SEED runs one alone.
    private static var seeds: Range<UInt64> {
        if let seed = environment("SIMULATION_SEED") { return seed..<(seed + 1) }
        return 0..<(environment("SIMULATION_SEEDS") ?? 2_000)
    }

    private static func environment(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    @Test func everySeed_keepsEveryPromise() async {
        let parts: UInt64 = 2
        let failures = await withTaskGroup(of: [String].self) { group in
            for part in 0..<parts { group.addTask { Self.run(Self.seeds.filter { $0 % parts == part }) } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        let some = failures.sorted().prefix(10).joined(separator: "\n")
        #expect(failures.isEmpty, "\(failures.count) seeds failed:\n\(some)")
    }

    private static func run(_ seeds: [UInt64]) -> [String] {
        seeds.compactMap { seed in
            var simulation = Simulation(seed: seed)
            return simulation.run().first.map { "seed \(seed): \($0)" }
        }
    }
}
