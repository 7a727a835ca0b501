import Gateway
import Testing

@testable import GatewayRuntime

/// However often somebody asks for the sessions, the loops are asked a few times a second.
struct CensusQueueTests {
    private func ask(_ queue: inout CensusQueue, at now: Instant) -> CensusQueue.Step {
        queue.asked(by: { _ in }, at: now)
    }

    private func at(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

    @Test func firstOne_isServedAtOnce_othersWithTheNext() {
        var queue = CensusQueue()
        #expect(ask(&queue, at: at(1)) == .begin)
        #expect(queue.takeReceivers().count == 1)
        #expect(ask(&queue, at: at(2)) == .wait)
        #expect(ask(&queue, at: at(3)) == .wait)
        #expect(queue.finished(at: at(4)) == .lookAgain(at: at(201)))
        #expect(ask(&queue, at: at(5)) == .wait, "one timer is enough")
        #expect(queue.lookedAgain(at: at(201)) == .begin)
        #expect(queue.takeReceivers().count == 3)
        #expect(queue.finished(at: at(202)) == .wait, "nobody asks any more")
        #expect(ask(&queue, at: at(1000)) == .begin)
    }

    @Test func censusThatTakesLong_isNotJoinedByAnother() {
        var queue = CensusQueue()
        #expect(ask(&queue, at: at(0)) == .begin)
        _ = queue.takeReceivers()
        for second in 1..<10 { #expect(ask(&queue, at: at(second * 1000)) == .wait) }
        #expect(queue.finished(at: at(10_000)) == .begin)
        #expect(queue.takeReceivers().count == 9)
    }

    @Test func stormOfQuestions_isBounded() {
        var queue = CensusQueue()
        for _ in 0..<10_000 { _ = ask(&queue, at: at(0)) }
        #expect(queue.takeReceivers().count == CensusQueue.most)
    }
}
