/// Whether every loop makes progress. Each is woken after a look, and must have come round by the next one: an idle loop
/// proves in this way that it lives, and one that is stuck cannot.
public struct Liveness: Hashable, Sendable {
    private var rounds: [UInt64] = []

    /// No look yet.
    public init() {}

    /// How often each loop has come round, by its index. Returns those that have not since the last look; the first look
    /// blames nobody.
    public mutating func looked(_ now: [UInt64]) -> [Int] {
        defer { rounds = now }
        guard rounds.count == now.count else { return [] }
        return now.indices.filter { now[$0] == rounds[$0] }
    }
}
