internal import Gateway

/// What is due when: a binary heap by instant. Entries are never removed before they are due; whoever takes one asks
/// whether it still means something.
struct TimerQueue<Element> {
    private var heap: [(due: Instant, element: Element)] = []

    /// When the first entry is due.
    var nextDue: Instant? { heap.first?.due }

    mutating func add(_ element: Element, due: Instant) {
        heap.append((due, element))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].due < heap[parent].due else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// The first entry, if it is due by `now`.
    mutating func popDue(_ now: Instant) -> Element? {
        guard let first = heap.first, first.due <= now else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        sink()
        return first.element
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].due < heap[least].due
            {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
