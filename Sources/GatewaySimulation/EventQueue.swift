import Gateway

/// What will happen, in the order of time; what is due at the same instant happens in the order in which it was added.
package struct EventQueue<Event> {
    private struct Entry {
        var due: Instant
        var number: Int
        var event: Event

        func isBefore(_ other: Entry) -> Bool { (due, number) < (other.due, other.number) }
    }

    private var heap: [Entry] = []
    private var nextNumber = 0

    package init() {}

    package var nextDue: Instant? { heap.first?.due }

    package var count: Int { heap.count }

    package mutating func add(_ event: Event, due: Instant) {
        heap.append(Entry(due: due, number: nextNumber, event: event))
        nextNumber += 1
        var child = heap.count - 1
        while child > 0, heap[child].isBefore(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    package mutating func pop() -> Event? {
        guard let last = heap.popLast() else { return nil }
        guard let first = heap.first else { return last.event }
        heap[0] = last
        sink()
        return first.event
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].isBefore(heap[least]) { least = child }
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
