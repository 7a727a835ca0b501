import Testing

@testable import GatewayRuntime

struct QueryLimitTests {
    @Test func soManyStart_andTheRestInTurnAsOthersEnd() {
        var limit = QueryLimit()
        for id: UInt64 in 0..<100 { limit.add(id) }
        var started: [UInt64] = []
        while let id = limit.next() { started.append(id) }
        #expect(started == Array(0..<64))
        limit.ended()
        let next = [limit.next(), limit.next()]
        #expect(next == [64, nil])
        #expect(limit.running == 64)
    }

    @Test func onlyOneThatWaitsCanBeWithdrawn() {
        var limit = QueryLimit()
        for id: UInt64 in 0..<66 { limit.add(id) }
        while limit.next() != nil {}
        let withdrawn = [64, 64, 3].map { limit.withdraw($0) }
        #expect(withdrawn == [true, false, false])
        limit.ended()
        let next = limit.next()
        #expect(next == 65)
    }
}
