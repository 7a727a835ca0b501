import GatewayTesting
import Testing

@testable import Gateway

@Suite struct TrialSetTests {
    @Test func behavesLikeASet() {
        for seed in 0..<500 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let trial = { (generator: inout SeededGenerator) in
                Trial(
                    target: Int.random(in: 0...130, using: &generator),
                    address: Int.random(in: 0...2, using: &generator))
            }
            var (set, other, model, otherModel) = (TrialSet(), TrialSet(), Set<Trial>(), Set<Trial>())
            for _ in 0..<50 {
                let (left, right) = (trial(&generator), trial(&generator))
                set.insert(left)
                model.insert(left)
                other.insert(right)
                otherModel.insert(right)
            }
            set.subtract(other)
            model.subtract(otherModel)
            for target in 0...130 {
                for address in 0...2 {
                    let trial = Trial(target: target, address: address)
                    #expect(set.contains(trial) == model.contains(trial), "seed \(seed)")
                }
            }
            #expect(set.isEmpty == model.isEmpty)
        }
    }
}
