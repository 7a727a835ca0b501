import Gateway
import GatewayTesting
import Testing

@testable import GatewayRuntime

struct TimerQueueTests {
    private func drain(_ queue: inout TimerQueue<Int>, at now: Int64) -> [Int] {
        var popped: [Int] = []
        while let next = queue.popDue(Instant(nanoseconds: now)) { popped.append(next) }
        return popped
    }

    @Test func entriesComeInTheOrderOfTheirTime_forAnyOrderOfAdding() {
        for seed: UInt64 in 0..<500 {
            var generator = SeededGenerator(seed: seed)
            var queue = TimerQueue<Int>()
            let dues = (0..<50).map { _ in Int.random(in: 0..<40, using: &generator) }
            for due in dues { queue.add(due, due: Instant(nanoseconds: Int64(due))) }
            #expect(drain(&queue, at: 100) == dues.sorted(), "seed \(seed)")
            #expect(queue.nextDue == nil && queue.count == 0, "seed \(seed)")
        }
    }

    @Test func whatIsNotDueStays() {
        var queue = TimerQueue<Int>()
        for due in [30, 10, 20] { queue.add(due, due: Instant(nanoseconds: Int64(due))) }
        #expect(drain(&queue, at: 9).isEmpty)
        #expect(drain(&queue, at: 20) == [10, 20])
        #expect(queue.nextDue == Instant(nanoseconds: 30))
    }

    @Test func meaninglessFirstEntriesAreDropped_andNoOthers() {
        var queue = TimerQueue<Int>()
        for due in 1...10 { queue.add(due, due: Instant(nanoseconds: Int64(due))) }
        queue.dropFirst { $0 < 4 || $0 == 7 }
        #expect(queue.nextDue == Instant(nanoseconds: 4))
        #expect(drain(&queue, at: 100) == Array(4...10))
    }

    @Test func removalKeepsTheOrder_forAnyOrderOfAdding() {
        for seed: UInt64 in 0..<200 {
            var generator = SeededGenerator(seed: seed)
            var queue = TimerQueue<Int>()
            let dues = (0..<60).map { _ in Int.random(in: 0..<1000, using: &generator) }
            for due in dues { queue.add(due, due: Instant(nanoseconds: Int64(due))) }
            queue.removeAll { $0 % 3 == 0 }
            #expect(drain(&queue, at: 1000) == dues.filter { $0 % 3 != 0 }.sorted(), "seed \(seed)")
        }
    }
}
