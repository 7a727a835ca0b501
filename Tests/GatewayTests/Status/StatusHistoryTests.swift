import GatewayTesting
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

    @Test func endpointsThatAreForgotten_stayInTheSum_withTheLastBytesOfTheirSessions() {
        var ledger = EndpointLedger()
        let total = { (traffic: [EndpointKey: EndpointTraffic], ledger: EndpointLedger) in
            traffic.values.reduce(ledger.forgotten.bytesUp) { $0 + $1.bytesUp }
        }
        var counters: [EndpointID: UInt64] = [.number(0): 10, .number(1): 5]
        var last: UInt64 = 0
        let look = { (ledger: inout EndpointLedger, holders: [(id: EndpointID, key: EndpointKey)]) in
            let traffic = ledger.traffic(of: holders) { self.traffic(counters[$0] ?? 0) }
            #expect(total(traffic, ledger) == counters.values.reduce(0, +), "every byte, whoever had it")
            #expect(total(traffic, ledger) >= last, "it never falls")
            last = total(traffic, ledger)
        }
        look(&ledger, [(.number(0), a), (.number(1), b)])
        counters[.number(0)] = 12
        look(&ledger, [(.number(1), b)])
        #expect(ledger.forgotten.bytesUp == 12)
        counters[.number(0)] = 13  // a session that was being reset
        look(&ledger, [(.number(1), b)])
        #expect(ledger.forgotten.bytesUp == 13)
        counters[.number(0)] = 20  // it is back under its old number
        look(&ledger, [(.number(0), a), (.number(1), b)])
        #expect(ledger.forgotten.bytesUp == 13)
        counters[.number(0)] = 21  // another one has its number, and nobody has looked in between
        counters[.number(1)] = 9
        look(&ledger, [(.number(0), b)])
        look(&ledger, [])
        #expect(ledger.forgotten.bytesUp == 30)
    }

    /// Whatever happens, and however rarely somebody looks. The seed of a failure is printed.
    @Test(arguments: UInt64(0)..<200)
    func sumNeverFalls_whateverHappens(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var ledger = EndpointLedger()
        var counters = [UInt64](repeating: 0, count: 4)
        var holders: [EndpointID: EndpointKey] = [:]
        var last: UInt64 = 0
        for step in 0..<200 {
            let number = Int.random(in: 0..<4, using: &generator)
            let id = EndpointID.number(UInt32(number))
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: holders[id] = [a, b].randomElement(using: &generator)
            case 1: holders[id] = nil
            case 2: counters[number] += UInt64.random(in: 0..<100, using: &generator)
            default:
                let list = holders.sorted { $0.key < $1.key }.map { (id: $0.key, key: $0.value) }
                let seen = ledger.traffic(of: list) { traffic(counters[Int($0.slot)]) }
                let sum = seen.values.reduce(ledger.forgotten.bytesUp) { $0 + $1.bytesUp }
                #expect(sum >= last, "seed \(seed), step \(step)")
                last = sum
            }
        }
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
