import Gateway
import GatewayTesting
import Testing

/// Endpoints are 0, 1, 2, …; the address `10.0.e.a` is the address a of the endpoint e.
@Suite struct DialSequenceTests {
    private func plan(_ addresses: [UInt32], hedge: Duration? = .milliseconds(250)) -> DialPlan {
        let targets = addresses.enumerated().map { index, count in
            DialPlan.Target(
                endpoint: .number(UInt32(index)), addresses: (0..<count).map { .host(UInt32(index) * 256 + $0) },
                weight: 1, isConfirmed: true)
        }
        return DialPlan(
            targets: targets, good: targets.count, spread: 1, policy: .pinned,
            timing: DialPlan.Timing(dialTimeout: .seconds(1), hedgeDelay: hedge, holdTimeout: .seconds(10)))
    }

    /// What is dialed, as `endpoint.address`, or what else is to be done.
    private func text(_ action: DialSequence.Action) -> String {
        switch action {
        case .dial(let attempt):
            guard case .v4(let ip) = attempt.address.ip else { return "?" }
            return "\(attempt.endpoint.slot).\(ip % 256)"
        case .wait: return "wait"
        case .pause: return "pause"
        case .hold: return "hold"
        }
    }

    @Test func firstAttempt_isThePick_andHasTheDialTimeout() {
        var sequence = DialSequence(plan: plan([1, 1, 1]), startingWith: 2)
        #expect(text(sequence.started(at: .at(5))) == "2.0")
        #expect(sequence.attempt(0)?.deadline == .at(6))
        #expect(sequence.nextDeadline == .at(5.25))
        #expect(sequence.attempt(1) == nil)
    }

    @Test func withoutTargets_theClientIsHeld() {
        var sequence = DialSequence(plan: plan([]))
        #expect(sequence.started(at: .zero) == .hold)
        #expect(sequence.nextDeadline == nil)
    }

    @Test func refused_theNextIsDialedAtOnce_untilNobodyIsLeft() {
        var sequence = DialSequence(plan: plan([1, 1, 1]), startingWith: 1)
        #expect(text(sequence.started(at: .zero)) == "1.0")
        #expect(text(sequence.dialFailed(0, .refused, at: .at(0.001))) == "0.0")
        #expect(text(sequence.dialFailed(1, .unreachable, at: .at(0.002))) == "2.0")
        #expect(sequence.dialFailed(2, .refused, at: .at(0.003)) == .hold)
    }

    @Test func silent_theNextIsDialedBesideIt_andEachIsGivenUpInTime() {
        var sequence = DialSequence(plan: plan([1, 1]))
        _ = sequence.started(at: .zero)
        #expect(text(sequence.timerFired(at: .at(0.25)).then) == "1.0")
        #expect(sequence.attempt(0) != nil && sequence.oldest?.number == 0)
        #expect(sequence.nextDeadline == .at(1))  // nobody is left to hedge with
        let first = sequence.timerFired(at: .at(1))
        #expect(first.timedOut.map(\.number) == [0] && first.then == .wait)
        #expect(sequence.nextDeadline == .at(1.25))
        let second = sequence.timerFired(at: .at(1.25))
        #expect(second.timedOut.map(\.number) == [1] && second.then == .hold)
    }

    @Test func timerTooEarly_doesNothing() {
        var sequence = DialSequence(plan: plan([1, 1]))
        _ = sequence.started(at: .zero)
        let early = sequence.timerFired(at: .at(0.249))
        #expect(early.timedOut.isEmpty && early.then == .wait)
    }

    @Test func timerTooLate_givesUpAllThatIsOld_andDialsOn() {
        var sequence = DialSequence(plan: plan([1, 1, 1]))
        _ = sequence.started(at: .zero)
        _ = sequence.timerFired(at: .at(0.25))
        let late = sequence.timerFired(at: .at(3))
        #expect(late.timedOut.map(\.number) == [0, 1] && text(late.then) == "2.0")
    }

    @Test func withoutHedging_theNextComesAfterTheTimeout() {
        var sequence = DialSequence(plan: plan([1, 1], hedge: nil))
        _ = sequence.started(at: .zero)
        #expect(sequence.nextDeadline == .at(1))
        #expect(text(sequence.timerFired(at: .at(1)).then) == "1.0")
    }

    @Test func hedgeIsRefused_whileTheFirstIsSilent_theThirdIsDialed() {
        var sequence = DialSequence(plan: plan([1, 1, 1]))
        _ = sequence.started(at: .zero)
        _ = sequence.timerFired(at: .at(0.25))
        #expect(text(sequence.dialFailed(1, .refused, at: .at(0.251))) == "2.0")
        #expect(sequence.dialFailed(2, .refused, at: .at(0.252)) == .wait)
        #expect(sequence.nextDeadline == .at(1))
        #expect(sequence.dialFailed(0, .refused, at: .at(0.3)) == .hold)
    }

    @Test func firstIsRefused_afterTheHedgeBegan_theThirdIsDialed() {
        var sequence = DialSequence(plan: plan([1, 1, 1]))
        _ = sequence.started(at: .zero)
        _ = sequence.timerFired(at: .at(0.25))
        #expect(text(sequence.dialFailed(0, .refused, at: .at(0.3))) == "2.0")
        #expect(sequence.oldest?.number == 1)
    }

    @Test func refused_theOtherAddressesOfThatEndpointComeFirst() {
        var sequence = DialSequence(plan: plan([2, 1]))
        #expect(text(sequence.started(at: .zero)) == "0.0")
        #expect(text(sequence.dialFailed(0, .refused, at: .zero)) == "0.1")
        #expect(text(sequence.dialFailed(1, .refused, at: .zero)) == "1.0")
    }

    @Test func silent_everyEndpointsFirstAddressComesBeforeAnyonesSecond() {
        var sequence = DialSequence(plan: plan([2, 3, 1]))
        var dialed = [text(sequence.started(at: .zero))]
        for hedge in 1...5 { dialed.append(text(sequence.timerFired(at: .at(0.25 * Double(hedge))).then)) }
        #expect(dialed == ["0.0", "1.0", "2.0", "0.1", "1.1", "1.2"])
    }

    @Test func lateVerdictOfAGivenUpAttempt_isIgnored() {
        var sequence = DialSequence(plan: plan([1, 1]))
        _ = sequence.started(at: .zero)
        _ = sequence.timerFired(at: .at(1))
        #expect(sequence.dialFailed(0, .refused, at: .at(1.1)) == .wait)
        #expect(sequence.dialFailed(77, .refused, at: .at(1.1)) == .wait)
    }
}

// Our own shortages.
extension DialSequenceTests {
    @Test func shortage_everybodyElseIsTried_thenAPauseAndOnceMore() {
        var sequence = DialSequence(plan: plan([1, 1]))
        _ = sequence.started(at: .zero)
        #expect(text(sequence.dialFailed(0, .local, at: .zero)) == "1.0")
        #expect(sequence.dialFailed(1, .local, at: .zero) == .pause)
        #expect(sequence.nextDeadline == nil)
        #expect(text(sequence.pauseEnded(at: .at(0.05))) == "0.0")
    }

    @Test func shortageAfterARefusal_onlyTheShortOneIsTriedAgain() {
        var sequence = DialSequence(plan: plan([1, 1]))
        _ = sequence.started(at: .zero)
        _ = sequence.dialFailed(0, .refused, at: .zero)
        #expect(sequence.dialFailed(1, .local, at: .zero) == .pause)
        #expect(text(sequence.pauseEnded(at: .at(0.05))) == "1.0")
        #expect(sequence.dialFailed(2, .refused, at: .at(0.06)) == .hold)
    }

    @Test func shortageBesideASilentAttempt_isTriedAgainSoon_notAfterTheTimeout() {
        var sequence = DialSequence(plan: plan([1, 1]))
        _ = sequence.started(at: .zero)
        _ = sequence.timerFired(at: .at(0.25))
        #expect(sequence.dialFailed(1, .local, at: .at(0.25)) == .wait)
        #expect(sequence.nextDeadline == .at(0.3))
        #expect(text(sequence.timerFired(at: .at(0.3)).then) == "1.0")
    }

    @Test func shortageBeforeASilentAttempt_isTriedAgainSoon_notAfterTheTimeout() {
        var sequence = DialSequence(plan: plan([1, 1]))
        _ = sequence.started(at: .zero)
        #expect(text(sequence.dialFailed(0, .local, at: .zero)) == "1.0")
        #expect(sequence.nextDeadline == .at(0.05))
        #expect(text(sequence.timerFired(at: .at(0.05)).then) == "0.0")
    }

    @Test func refusalThenShortage_theOtherAddressIsNotForgotten() {
        var sequence = DialSequence(plan: plan([2]))
        _ = sequence.started(at: .zero)
        #expect(text(sequence.dialFailed(0, .local, at: .zero)) == "0.1")
        #expect(sequence.dialFailed(1, .refused, at: .zero) == .pause)
        #expect(text(sequence.pauseEnded(at: .at(0.05))) == "0.0")
    }
}

// Any order of facts.
extension DialSequenceTests {
    /// Each address is tried once, nothing is left out, deadlines move forward, and the end is `hold`.
    @Test func anyOrderOfFailures_triesEachAddressOnce_thenHolds() throws {
        for seed in 0..<3_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let counts = (0..<Int.random(in: 1...70, using: &generator)).map { _ in
                UInt32.random(in: 1...3, using: &generator)
            }
            let total = Int(counts.reduce(0, +))
            var sequence = DialSequence(
                plan: plan(counts), startingWith: Int.random(in: counts.indices, using: &generator))
            var (now, underway, dialed) = (Instant.zero, [UInt32](), Set<SocketAddress>())
            var action = sequence.started(at: now)
            for _ in 0..<(4 * total) where action != .hold {
                if case .dial(let attempt) = action {
                    #expect(dialed.insert(attempt.address).inserted, "seed \(seed): \(attempt.address) again")
                    underway.append(attempt.number)
                }
                if Bool.random(using: &generator), let index = underway.indices.randomElement(using: &generator) {
                    action = sequence.dialFailed(underway.remove(at: index), .refused, at: now)
                } else if let due = sequence.nextDeadline {
                    #expect(due > now, "seed \(seed)")
                    now = due
                    let fired = sequence.timerFired(at: now)
                    underway.removeAll { number in fired.timedOut.contains { $0.number == number } }
                    action = fired.then
                }
            }
            #expect(action == .hold && dialed.count == total, "seed \(seed): \(dialed.count) of \(total)")
        }
    }
}
