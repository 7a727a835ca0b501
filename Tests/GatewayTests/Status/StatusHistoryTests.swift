import Testing

@testable import Gateway

@Suite struct StatusHistoryTests {
    private let key = EndpointKey(host: .address(SocketAddress.host(1).ip), port: 2379)

    @Test func onlyTheLastTwentyEvents_areKept() {
        var history = StatusHistory()
        for second in 0..<30 {
            history.told(
                .rebalanced(moved: second), at: .at(Double(second)), time: WallTime(milliseconds: Int64(second)))
        }
        #expect(history.events.count == 20 && history.events.first?.time.milliseconds == 10)
        #expect(history.events.last?.line == Notice.rebalanced(moved: 29).line)
    }

    @Test func failures_areCountedByReason_andForgottenWithTheEndpoint() {
        var history = StatusHistory()
        let tell = { (history: inout StatusHistory, notice: Notice) in
            history.told(notice, at: .at(1), time: WallTime(milliseconds: 0))
        }
        tell(&history, .endpointDown(key, .silent(.refused)))
        tell(&history, .endpointUp(key))
        tell(&history, .endpointDown(key, .silent(.refused)))
        tell(&history, .endpointDown(key, .unhealthy(.noLeader)))
        #expect(
            history.failovers[.refused] == 2 && history.failovers[.unhealthy] == 1 && history.failovers[.timedOut] == 0)
        #expect(history.lastErrors[key]?.text == "unhealthy: no leader")
        tell(&history, .endpointRemoved(key))
        #expect(history.lastErrors.isEmpty && history.failovers[.refused] == 2)
    }

    @Test func eventsFields_areText() {
        let event = StatusEvent(
            time: WallTime(milliseconds: 0),
            line: NoticeLine(
                .info, "m", ["address": .string("a:1"), "error": .string("no answer"), "moved": .integer(3)]))
        #expect(event.fieldsText == "address=a:1 error=\"no answer\" moved=3")
        #expect(StatusEvent(event.json) == event)
    }
}

@Suite struct EndpointLedgerTests {
    private let a = EndpointKey(host: .name("a"), port: 1)
    private let b = EndpointKey(host: .name("b"), port: 1)

    private func traffic(_ up: UInt64, sessions: UInt64 = 0) -> EndpointTraffic {
        var traffic = EndpointTraffic()
        (traffic.bytesUp, traffic.sessions) = (up, sessions)
        traffic.dials[.opened] = up
        return traffic
    }

    @Test func endpointThatMoves_keepsWhatItHasCounted() {
        var ledger = EndpointLedger()
        var counters: [EndpointID: EndpointTraffic] = [.number(0): traffic(10, sessions: 2)]
        let count = { (id: EndpointID) in counters[id] ?? EndpointTraffic() }
        #expect(ledger.traffic(of: [(.number(0), a)], counted: count)[a] == traffic(10, sessions: 2))
        // The former place keeps its sessions, the new one begins.
        counters[.number(1)] = traffic(3, sessions: 1)
        counters[.number(0)] = traffic(12, sessions: 1)
        let both = ledger.traffic(of: [(.number(1), a), (.number(0), a)]) { counters[$0] ?? EndpointTraffic() }
        #expect(both[a] == traffic(15, sessions: 2))
        // The former place is forgotten; what it counted after the last look still counts.
        counters[.number(0)] = traffic(20)
        let later = ledger.traffic(of: [(.number(1), a)]) { counters[$0] ?? EndpointTraffic() }
        #expect(later[a] == traffic(23, sessions: 1))
        #expect(ledger.traffic(of: [(.number(1), a)]) { counters[$0] ?? EndpointTraffic() } == later)
    }

    @Test func numberThatIsGivenToAnother_startsAtZeroForIt() {
        var ledger = EndpointLedger()
        _ = ledger.traffic(of: [(.number(0), a)]) { _ in traffic(10) }
        #expect(ledger.traffic(of: []) { _ in traffic(11) } == [:])
        #expect(ledger.traffic(of: [(.number(0), b)]) { _ in traffic(11) }[b] == traffic(0))
        #expect(ledger.traffic(of: [(.number(0), b)]) { _ in traffic(14) }[b] == traffic(3))
    }

    @Test func numberThatChangesHandsBetweenTwoLooks_countsForNobodyTwice() {
        var ledger = EndpointLedger()
        _ = ledger.traffic(of: [(.number(0), a)]) { _ in traffic(10) }
        let after = ledger.traffic(of: [(.number(0), b), (.number(1), a)]) {
            $0 == .number(0) ? traffic(15) : traffic(1)
        }
        #expect(after[a] == traffic(11) && after[b] == traffic(5))
    }
}

extension EndpointTraffic {
    /// Without zeros that say nothing.
    static func == (left: EndpointTraffic, right: EndpointTraffic) -> Bool {
        left.bytesUp == right.bytesUp && left.bytesDown == right.bytesDown && left.sessions == right.sessions
            && left.dials.filter { $0.value > 0 } == right.dials.filter { $0.value > 0 }
            && left.dialTimes == right.dialTimes && left.unansweredSince == right.unansweredSince
    }
}

@Suite struct HistogramTests {
    @Test func durations_fallIntoTheFirstClassThatHoldsThem() {
        let bounds: [Duration] = [.milliseconds(1), .seconds(1)]
        #expect(Histogram.index(of: .zero, in: bounds) == 0 && Histogram.index(of: .milliseconds(1), in: bounds) == 0)
        #expect(Histogram.index(of: .milliseconds(2), in: bounds) == 1)
        #expect(Histogram.index(of: .seconds(2), in: bounds) == 2)
    }

    @Test func bounds_grow() {
        for bounds in [Histogram.dialBounds, Histogram.sessionBounds] {
            #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
        }
    }
}
