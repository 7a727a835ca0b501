/// Lets a bounded number of queries be under way: 2,000 at once lose a third of their answers (measured), a hundred none.
struct QueryLimit {
    /// So many at once.
    static let limit = 64

    private var running = 0
    private var waiting: [(id: UInt64, start: () -> Void)] = []

    /// Starts now, or when an earlier one has ended.
    mutating func admit(_ id: UInt64, _ start: @escaping () -> Void) {
        guard running < Self.limit else { return waiting.append((id, start)) }
        running += 1
        start()
    }

    /// One has ended; the next to start, if any.
    mutating func ended() -> (() -> Void)? {
        guard !waiting.isEmpty else {
            running -= 1
            return nil
        }
        return waiting.removeFirst().start
    }

    /// Forgets one that has not started; false if it has.
    mutating func withdraw(_ id: UInt64) -> Bool {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return false }
        waiting.remove(at: index)
        return true
    }
}
