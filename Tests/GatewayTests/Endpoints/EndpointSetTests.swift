import Gateway
import GatewayTesting
import Testing

@Suite struct EndpointSetTests {
    private func declaration(_ name: String, priority: UInt16 = 0, weight: UInt16 = 1) -> EndpointDeclaration {
        EndpointDeclaration(
            key: EndpointKey(host: .name(name), port: 2379), priority: priority, weight: weight, origin: .discoveredTLS,
            speaksTLS: true)
    }

    private func set(of names: String...) -> EndpointSet {
        var set = EndpointSet(removalGrace: .seconds(30))
        _ = set.declare(names.map { declaration($0) }, asOf: .zero, at: .zero)
        return set
    }

    private func declare(_ set: inout EndpointSet, _ names: [String], at seconds: Double) -> [EndpointSet.Change] {
        set.declare(names.map { declaration($0) }, asOf: .at(seconds), at: .at(seconds))
    }

    @Test func newOnes_areAdded_inTheirOrder() {
        var set = EndpointSet(removalGrace: .zero)
        #expect(declare(&set, ["a", "b"], at: 0) == [.added(.number(0)), .added(.number(1))])
        #expect(declare(&set, ["b", "a"], at: 1) == [])
        #expect(set[.number(1)]?.declaration.key.description == "b:2379")
        #expect(set[.number(2)] == nil)
    }

    @Test func changedWeight_isAnUpdateOfTheSameEndpoint() {
        var set = set(of: "a")
        #expect(set.declare([declaration("a", weight: 9)], asOf: .at(1), at: .at(1)) == [.updated(.number(0))])
        #expect(set[.number(0)]?.declaration.weight == 9)
    }

    @Test func removal_needsASecondAnswer_fiveSecondsLater() {
        var set = set(of: "a", "b")
        #expect(declare(&set, ["a"], at: 10) == [.wentMissing(.number(1))])
        #expect(set.confirmationDue == .at(15))
        #expect(declare(&set, ["a"], at: 14.999) == [])
        #expect(declare(&set, ["a"], at: 15) == [.startedDraining(.number(1))])
        #expect(set.confirmationDue == nil && set.nextDeadline == .at(45))
        #expect(declare(&set, ["a"], at: 30) == [])
    }

    @Test func removal_isNotConfirmed_byAStatementOlderThanThat() {
        var set = set(of: "a", "b")
        _ = declare(&set, ["a"], at: 10)
        #expect(set.declare([declaration("a")], asOf: .at(14), at: .at(20)) == [])
        #expect(set.declare([declaration("a")], asOf: .at(15), at: .at(21)) == [.startedDraining(.number(1))])
    }

    @Test func missing_returns_andTheDoubtBeginsAnew() {
        var set = set(of: "a", "b")
        _ = declare(&set, ["a"], at: 10)
        #expect(declare(&set, ["a", "b"], at: 12) == [.returned(.number(1))])
        #expect(declare(&set, ["a"], at: 16) == [.wentMissing(.number(1))])
        #expect(declare(&set, ["a"], at: 20) == [])
    }

    @Test func draining_returns_asTheSameEndpoint_andDoesNotExpire() {
        var set = set(of: "a", "b")
        _ = declare(&set, ["a"], at: 10)
        _ = declare(&set, ["a"], at: 15)
        #expect(declare(&set, ["a", "b"], at: 44) == [.returned(.number(1))])
        #expect(set.timePassed(.at(100)) == [] && set.nextDeadline == nil)
    }

    @Test func draining_expires_whenTheGraceIsOver() {
        var set = set(of: "a", "b")
        _ = declare(&set, ["a"], at: 10)
        _ = declare(&set, ["a"], at: 15)
        #expect(set.timePassed(.at(44.999)) == [])
        guard case .expired(let member)? = set.timePassed(.at(45)).first else { return #expect(Bool(false)) }
        #expect(member.id == .number(1) && set[.number(1)] == nil && set.all.count == 1)
        #expect(declare(&set, ["a", "b"], at: 50) == [.added(.number(2))])
    }

    @Test func withoutGrace_itExpiresAtOnce() {
        var set = EndpointSet(removalGrace: .zero)
        _ = declare(&set, ["a", "b"], at: 0)
        _ = declare(&set, ["a"], at: 10)
        _ = declare(&set, ["a"], at: 15)
        #expect(set.nextDeadline == .at(15) && set.timePassed(.at(15)).count == 1)
    }

    @Test func sameKeyTwice_countsOnce_withLowestPriorityThenHighestWeight_inAnyOrder() {
        let records = [
            declaration("a", priority: 2, weight: 9), declaration("a", priority: 1, weight: 1),
            declaration("a", priority: 1, weight: 5),
        ]
        for seed in 0..<50 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var set = EndpointSet(removalGrace: .zero)
            #expect(set.declare(records.shuffled(using: &generator), asOf: .zero, at: .zero).count == 1)
            #expect(set.all[0].declaration == records[2], "seed \(seed)")
        }
    }

    @Test func tooMany_areCut_theSameOnesInAnyOrder() {
        let records = (0..<300).map { declaration("m\($0)", priority: $0 < 50 ? 0 : 1) }
        var set = EndpointSet(removalGrace: .zero)
        _ = set.declare(records, asOf: .zero, at: .zero)
        #expect(set.all.count == EndpointSet.declaredAtMost)
        #expect(set.all.count { $0.declaration.priority == 0 } == 50)
        var generator = SeededGenerator(seed: 1)
        #expect(set.declare(records.shuffled(using: &generator), asOf: .at(1), at: .at(1)) == [])
    }

    @Test func slots_areUsedAgain_onlyAfterARest() {
        var set = EndpointSet(removalGrace: .zero)
        var second = 0.0
        for round in 0..<5 {
            _ = declare(&set, (0..<256).map { "r\(round)m\($0)" }, at: second)
            _ = declare(&set, [], at: second)
            _ = declare(&set, [], at: second + 5)
            _ = set.timePassed(.at(second + 5))
            second += 6
        }
        // All 1,024 slots were used by then: those of the first round became free at 5 s and rest until 65 s.
        #expect(declare(&set, ["x"], at: 64) == [])
        #expect(declare(&set, ["x"], at: 65) == [.added(.number(0))])
    }
}
