/// Random choice by RFC 2782 weights.
public enum WeightedDraw {
    /// The weight that a draw uses. Weight 0 means "hardly ever" beside positive weights (RFC 2782: a very small chance),
    /// here a hundredth of weight 1; where all weights are 0 they say nothing, and all are equal.
    static func effective(_ weights: [UInt16]) -> [UInt64] {
        let allZero = weights.allSatisfy { $0 == 0 }
        return weights.map { allZero || $0 == 0 ? 1 : UInt64($0) * 100 }
    }

    /// The index of one of `weights`, each with a chance in proportion to its weight; `nil` without weights.
    ///
    /// A number below the sum is drawn, and the first running sum above it wins. (The old gateway compares with "not above",
    /// which gives the first endpoint a share too many and the last one none.)
    public static func index(among weights: [UInt16], using generator: inout some RandomNumberGenerator) -> Int? {
        let effective = effective(weights)
        let sum = effective.reduce(0, +)
        guard sum > 0 else { return nil }
        var rest = UInt64.random(in: 0..<sum, using: &generator)
        for (index, weight) in effective.enumerated() {
            if rest < weight { return index }
            rest -= weight
        }
        preconditionFailure("the draw is below the sum of all weights")
    }

    /// All indices in a random order in which heavier ones tend to stand in front: draws without putting back.
    public static func order(of weights: [UInt16], using generator: inout some RandomNumberGenerator) -> [Int] {
        var left = Array(weights.indices)
        var order: [Int] = []
        while let drawn = index(among: left.map { weights[$0] }, using: &generator) {
            order.append(left.remove(at: drawn))
        }
        return order
    }
}
