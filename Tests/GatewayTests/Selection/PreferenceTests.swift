import GatewayTesting
import Testing

@testable import Gateway

@Suite struct PreferenceTests {
    private typealias Candidate = Preference.Candidate

    private func candidates(_ ranks: [Int], priorities: [UInt16]? = nil, weights: [UInt16]? = nil) -> [Candidate] {
        ranks.indices.map { index in
            Candidate(
                id: .number(UInt32(index)), rank: ranks[index], priority: priorities?[index] ?? 0,
                weight: weights?[index] ?? 1)
        }
    }

    private func firsts(_ candidates: [Candidate], seeds: UInt64 = 9_000) -> [Int] {
        var counts = candidates.map { _ in 0 }
        for seed in 0..<seeds {
            var generator = SeededGenerator(seed: seed)
            var preference = Preference()
            if let first = preference.update(candidates, using: &generator).first { counts[Int(first.slot)] += 1 }
        }
        return counts
    }

    @Test func freshMachines_differInTheirFirstPick_byWeight() {
        #expect(firsts(candidates([0, 0, 0])).allSatisfy { (2_700...3_300).contains($0) })
        let weighted = firsts(candidates([0, 0], weights: [1, 2]))
        #expect((2_700...3_300).contains(weighted[0]), "\(weighted)")
    }

    @Test func onlyTheLowestTierServes_whateverTheWeights() {
        #expect(firsts(candidates([0, 0, 0], priorities: [3, 1, 2], weights: [0, 0, 0]), seeds: 500) == [0, 500, 0])
        #expect(firsts(candidates([0, 0], priorities: [2, 1], weights: [65535, 0]), seeds: 500) == [0, 500])
    }

    @Test func rank_comesBeforeTier() {
        var generator = SeededGenerator(seed: 1)
        var preference = Preference()
        let order = preference.update(candidates([2, 1, 0], priorities: [0, 1, 2]), using: &generator)
        #expect(order == [.number(2), .number(1), .number(0)])
        #expect(preference.firstGroupCount == 1)
    }

    @Test func theFirst_staysWhileItIsGood_movesWhenItFails_andDoesNotMoveBack() {
        for seed in 0..<2_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var preference = Preference()
            var ranks = [0, 0, 0]
            let first = preference.update(candidates(ranks), using: &generator)[0]
            #expect(
                preference.update(candidates(ranks, weights: [9, 5, 1]), using: &generator)[0] == first, "seed \(seed)")
            ranks[Int(first.slot)] = 2
            let second = preference.update(candidates(ranks), using: &generator)[0]
            #expect(second != first, "seed \(seed)")
            ranks[Int(first.slot)] = 0
            #expect(preference.update(candidates(ranks), using: &generator)[0] == second, "seed \(seed)")
        }
    }

    @Test func aBetterTier_takesOver() {
        for seed in 0..<200 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var preference = Preference()
            #expect(preference.update(candidates([2, 0], priorities: [0, 1]), using: &generator)[0].slot == 1)
            #expect(preference.update(candidates([0, 0], priorities: [0, 1]), using: &generator)[0].slot == 0)
        }
    }

    @Test func sameCandidates_keepTheWholeOrder_withoutADraw() {
        var generator = SeededGenerator(seed: 7)
        var preference = Preference()
        let order = preference.update(candidates([0, 0, 0, 0]), using: &generator)
        var untouched = generator
        #expect(preference.update(candidates([0, 0, 0, 0]), using: &generator) == order)
        #expect(generator.next() == untouched.next())
    }

    @Test func nobody_isNoOrder() {
        var generator = SeededGenerator(seed: 1)
        var preference = Preference()
        _ = preference.update(candidates([0]), using: &generator)
        #expect(preference.update([], using: &generator).isEmpty)
        #expect(preference.firstGroupCount == 0)
    }
}
