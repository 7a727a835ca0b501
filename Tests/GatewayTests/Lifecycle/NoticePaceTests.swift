import Testing

@testable import Gateway

@Suite struct NoticePaceTests {
    private let start = Instant.zero
    private func key(_ host: UInt32) -> EndpointKey {
        EndpointKey(host: .address(SocketAddress.host(host).ip), port: 2379)
    }

    private func down(_ host: UInt32) -> Notice { .endpointDown(key(host), .silent(.refused)) }
    private func up(_ host: UInt32) -> Notice { .endpointUp(key(host)) }

    @Test func twoFlapsAMinute_areToldAtOnce() {
        var pace = NoticePace()
        for second in [0, 1, 20, 30] {
            let notice = second % 2 == 0 ? down(1) : up(1)
            #expect(pace.told(notice, at: start + .seconds(second)) == NoticePace.Line(notice: notice))
        }
        #expect(pace.timePassed(start + .seconds(60)).isEmpty && pace.nextDue == nil, "and nothing is kept")
    }

    @Test func more_areCounted_andTheLastOneIsToldWhenTheMinuteIsOver() {
        var pace = NoticePace()
        var written = 0
        for flap in 0..<10 {
            let now = start + .seconds(flap)
            written += [down(1), up(1)].count { pace.told($0, at: now) != nil }
        }
        #expect(pace.told(down(1), at: start + .seconds(11)) == nil && written == 4)
        #expect(pace.timePassed(start + .seconds(59)).isEmpty)
        #expect(pace.nextDue == start + .seconds(60))
        let lines = pace.timePassed(start + .seconds(60))
        #expect(lines == [NoticePace.Line(notice: down(1), suppressed: 16)], "21 in all: 4, 16, and this one")
        #expect(pace.timePassed(start + .seconds(120)).isEmpty && pace.nextDue == nil)
    }

    @Test func endpointThatFlapsForEver_hasOneMinuteAfterTheOther() {
        var pace = NoticePace()
        var lines = 0
        for second in 0..<600 {
            let now = start + .seconds(second)
            lines += pace.timePassed(now).count
            lines += [down(1), up(1)].count { pace.told($0, at: now) != nil }
        }
        #expect((10...44).contains(lines), "\(lines) of 1,200")
    }

    @Test func others_areNotConcerned() {
        var pace = NoticePace()
        for _ in 0..<100 { _ = pace.told(down(1), at: start) }
        #expect(pace.told(down(2), at: start) != nil)
        #expect(pace.told(.nobodyLeft, at: start) != nil && pace.told(.nobodyLeft, at: start) != nil)
    }
}
