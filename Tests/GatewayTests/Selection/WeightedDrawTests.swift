import Gateway
import GatewayTesting
import Testing

/// The shares that the old gateway gets wrong (its weights are off by one), measured over many seeds.
@Suite struct WeightedDrawTests {
    @Test(
        arguments: [
            [1, 1, 1], [1, 2], [2, 1], [10, 10, 10], [1, 1, 1, 1, 1], [7], [1, 65535], [0, 0, 0], [3, 0, 1],
        ] as [[UInt16]])
    func shares_followTheWeights(weights: [UInt16]) {
        let draws = 40_000
        var counts = weights.map { _ in 0 }
        for seed in 0..<draws {
            var generator = SeededGenerator(seed: UInt64(seed))
            if let index = WeightedDraw.index(among: weights, using: &generator) { counts[index] += 1 }
        }
        let sum = weights.reduce(0) { $0 + Double($1) }
        for (count, weight) in zip(counts, weights) {
            let share = sum == 0 ? 1 / Double(weights.count) : Double(weight) / sum
            #expect(abs(Double(count) / Double(draws) - share) < 0.01, "\(weights): \(counts)")
        }
    }

    @Test func weightZeroBesideOthers_isHardlyEverDrawn_butSometimes() {
        var generator = SeededGenerator(seed: 1)
        let zeros = (0..<100_000).count { _ in WeightedDraw.index(among: [0, 1], using: &generator) == 0 }
        #expect((700...1_300).contains(zeros), "a hundredth of weight 1, not \(zeros) of 100,000")
    }

    @Test func nothing_hasNoDraw() {
        var generator = SeededGenerator(seed: 1)
        #expect(WeightedDraw.index(among: [], using: &generator) == nil)
        #expect(WeightedDraw.order(of: [], using: &generator).isEmpty)
    }

    @Test func order_isAPermutation_andItsFirstFollowsTheWeights() {
        var firsts = [0, 0]
        for seed in 0..<20_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let order = WeightedDraw.order(of: [1, 3, 0], using: &generator)
            #expect(order.sorted() == [0, 1, 2], "seed \(seed)")
            if order[0] < 2 { firsts[order[0]] += 1 }
        }
        #expect((4_600...5_400).contains(firsts[0]), "\(firsts)")
    }
}
