internal import Gateway

/// What is due when: a binary heap by instant. An entry that has lost its meaning stays until its owner drops it or takes
/// it when it is due; the owner asks whether it still means something.
struct TimerQueue<Element> {
    private var heap: [(due: Instant, element: Element)] = []

    /// How many entries there are, those without meaning included.
    var count: Int { heap.count }

    /// When the first entry is due.
    var nextDue: Instant? { heap.first?.due }

    mutating func add(_ element: Element, due: Instant) {
        heap.append((due, element))
        rise(heap.count - 1)
    }

    /// The first entry, if it is due by `now`.
    mutating func popDue(_ now: Instant) -> Element? {
        guard let first = heap.first, first.due <= now else { return nil }
        removeFirst()
        return first.element
    }

    /// Drops the first entries as long as they mean nothing: nobody should wake up for them.
    mutating func dropFirst(while isMeaningless: (Element) -> Bool) {
        while let first = heap.first, isMeaningless(first.element) { removeFirst() }
    }

    /// Drops all entries that mean nothing.
    mutating func removeAll(where isMeaningless: (Element) -> Bool) {
        heap.removeAll { isMeaningless($0.element) }
        for index in heap.indices { rise(index) }
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        sink()
    }

    private mutating func rise(_ index: Int) {
        var child = index
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].due < heap[parent].due else { return }
            heap.swapAt(child, parent)
            child = parent
        }
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
