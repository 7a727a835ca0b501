/// Lets a bounded number of queries be under way: 2,000 at once lose a third of their answers (measured), a hundred none.
struct QueryLimit {
    /// So many at once.
    static let limit = 64

    private(set) var running = 0
    private var waiting: [UInt64] = []

    /// Another query wants to start.
    mutating func add(_ id: UInt64) {
        waiting.append(id)
    }

    /// The next one that may start now; it counts as under way from then on.
    mutating func next() -> UInt64? {
        guard running < Self.limit, !waiting.isEmpty else { return nil }
        running += 1
        return waiting.removeFirst()
    }

    /// One that was under way has ended.
    mutating func ended() {
        running -= 1
    }

    /// Forgets one that has not started; false if it has.
    mutating func withdraw(_ id: UInt64) -> Bool {
        guard let index = waiting.firstIndex(of: id) else { return false }
        waiting.remove(at: index)
        return true
    }
}
