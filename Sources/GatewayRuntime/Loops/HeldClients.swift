internal import Synchronization

/// How many clients wait, in all loops, because nobody answers.
final class HeldClients: Sendable {
    private let limit: Int
    private let number = Atomic<Int>(0)

    /// More than `limit` are reset at once (design: at most 1,024 are held).
    init(limit: Int = 1024) {
        self.limit = limit
    }

    var count: Int { number.load(ordering: .relaxed) }

    /// False when the limit is reached.
    func add() -> Bool {
        guard number.add(1, ordering: .relaxed).newValue <= limit else {
            number.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    func remove() {
        number.subtract(1, ordering: .relaxed)
    }
}
