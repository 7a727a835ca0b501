import GatewayTesting
import Testing

@testable import Gateway

/// Shares are exact: after any number of picks, nobody is more than one session away from his share.
@Suite struct RotationTests {
    private func plan(_ weights: [UInt16], _ policy: Policy, first: UInt32 = 0) -> DialPlan {
        let targets = weights.enumerated().map { index, weight in
            DialPlan.Target(
                endpoint: .number(first + UInt32(index)), addresses: [.host(UInt32(index) + 1)], weight: weight,
                isConfirmed: true)
        }
        let timing = DialPlan.Timing(dialTimeout: .seconds(1), hedgeDelay: nil, holdTimeout: nil)
        return DialPlan(targets: targets, good: weights.count, spread: weights.count, policy: policy, timing: timing)
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func everyPrefixOfPicks_keepsTheShares(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let weights = (0..<Int.random(in: 2...9, using: &generator)).map { _ in
            UInt16.random(in: 1...50, using: &generator)
        }
        for policy in [Policy.roundRobin, .weighted] {
            let plan = plan(weights, policy)
            var rotation = Rotation()
            var counts = weights.map { _ in 0 }
            let shares = policy == .weighted ? weights.map(Double.init) : weights.map { _ in 1 }
            let sum = shares.reduce(0, +)
            for picks in 1...2_000 {
                counts[rotation.next(in: plan, using: &generator)] += 1
                for (count, share) in zip(counts, shares) {
                    // The round begins at a random place: up to one session of debt at either end.
                    let distance = abs(Double(count) - Double(picks) * share / sum)
                    if distance >= 2 { return #expect(Bool(false), "\(policy) \(weights): \(counts) of \(picks)") }
                }
            }
        }
    }

    @Test func wholeRounds_areExact() {
        for seed in 0..<100 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var rotation = Rotation()
            let plan = plan([5, 1, 3], .weighted)
            var counts = [0, 0, 0]
            for _ in 0..<(9 * 100) { counts[rotation.next(in: plan, using: &generator)] += 1 }
            #expect(counts == [500, 100, 300], "seed \(seed)")
        }
    }

    @Test func machines_beginAtDifferentPlaces() {
        var firsts = [0, 0, 0, 0]
        for seed in 0..<4_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var rotation = Rotation()
            firsts[rotation.next(in: plan([1, 1, 1, 1], .roundRobin), using: &generator)] += 1
        }
        #expect(firsts.allSatisfy { (850...1_150).contains($0) }, "\(firsts)")
    }

    @Test func machinesWithAFewSessions_keepTheSharesTogether() {
        let weights: [UInt16] = [2, 1, 1, 2, 4]
        for policy in [Policy.weighted, .roundRobin] {
            var counts = weights.map { _ in 0.0 }
            for seed in 0..<4_000 as Range<UInt64> {
                var generator = SeededGenerator(seed: seed)
                var rotation = Rotation()
                for _ in 0..<6 { counts[rotation.next(in: plan(weights, policy), using: &generator)] += 1 }
            }
            for (count, weight) in zip(counts, weights) {
                let share = 24_000 * (policy == .weighted ? Double(weight) / 10 : 0.2)
                #expect(abs(count / share - 1) < 0.03, "\(policy): \(counts)")
            }
        }
    }

    @Test func leastSessions_fillsUpWhoHasFewest() {
        var generator = SeededGenerator(seed: 1)
        var rotation = Rotation()
        let plan = plan([1, 1, 1], .leastSessions)
        for _ in 0..<7 { rotation.began(on: .number(0)) }
        for _ in 0..<3 { rotation.began(on: .number(1)) }
        var counts = [7, 3, 0]
        for _ in 0..<11 {
            let pick = rotation.next(in: plan, using: &generator)
            rotation.began(on: .number(UInt32(pick)))
            counts[pick] += 1
        }
        #expect(counts == [7, 7, 7])
        rotation.ended(on: .number(1))
        #expect(rotation.next(in: plan, using: &generator) == 1)
    }

    /// What was saved beside a heavy endpoint, or under `weighted`, is never worth more than a session.
    @Test func otherWeights_leaveNobodyWithoutSessions() {
        for seed in 0..<200 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var rotation = Rotation()
            for _ in 0..<Int.random(in: 1...500, using: &generator) {
                _ = rotation.next(in: plan([500, 1, 1], .weighted), using: &generator)
            }
            let heavyOneLeft = plan([1, 1], .weighted, first: 1)
            let equalNow = plan([500, 1, 1], .roundRobin)
            for plan in Bool.random(using: &generator) ? [heavyOneLeft, equalNow] : [equalNow, heavyOneLeft] {
                var counts = plan.targets.map { _ in 0 }
                for picks in 1...60 {
                    counts[rotation.next(in: plan, using: &generator)] += 1
                    let share = Double(picks) / Double(counts.count)
                    let isFair = counts.allSatisfy { abs(Double($0) - share) < 3 }
                    if !isFair { return #expect(Bool(false), "seed \(seed): \(counts)") }
                }
            }
        }
    }

    @Test func roundGoesOn_throughNewPlans() {
        var generator = SeededGenerator(seed: 3)
        var rotation = Rotation()
        var counts = [0, 0, 0]
        for round in 0..<300 {
            // Somebody else joins and leaves behind them, out of the spread.
            var plan = plan([1, 1, 1], .roundRobin)
            plan.good = round % 2 == 0 ? 3 : 2
            counts[rotation.next(in: plan, using: &generator)] += 1
        }
        #expect(counts == [100, 100, 100])
    }
}
