import GatewayTesting
import Testing

@testable import Gateway

@Suite struct EndpointHealthTests {
    private let a = SocketAddress.host(1)
    private let b = SocketAddress.host(2)

    private func health(_ addresses: SocketAddress..., kind: HealthCheck = .tcp) -> EndpointHealth {
        var health = EndpointHealth(ProbeLadder.Options(check: kind))
        health.addressesKnown(addresses, at: .zero)
        return health
    }

    private func end(
        _ health: inout EndpointHealth, _ outcome: ProbeOutcome, at address: SocketAddress? = nil, now: Instant,
        isUrgent: Bool = false, seed: UInt64 = 1
    ) -> EndpointHealth.Change {
        var generator = SeededGenerator(seed: seed)
        return health.probeEnded(
            outcome, at: address, now: now, longest: .seconds(60), isUrgent: isUrgent, using: &generator)
    }

    private let refused = ProbeOutcome.failed(.refused, .dialing)

    @Test func untried_isAsGoodAsGood() {
        let health = health(a)
        #expect(health.isGood && health.state == .untried && health.nextProbe == nil)
    }

    @Test func failedDial_putsItToRest_andAProbeIsDueAtOnce() {
        var health = health(a)
        #expect(health.dialFailed(a, .refused, begunAt: .at(1), at: .at(1)) == true)
        #expect(!health.isGood && !health.isProvenDead && health.nextProbe == .at(1))
        #expect(health.trouble == .silent(.refused))
        #expect(health.dialFailed(a, .refused, begunAt: .at(2), at: .at(2)) == false, "no news")
    }

    /// Suspected, and good again before anybody looked: the routine goes on.
    @Test func dialThatWorks_beforeTheSuspicionWasLookedAt_endsIt() {
        var (health, generator) = (health(a), SeededGenerator(seed: 1))
        _ = health.dialSucceeded(a, at: .zero)
        _ = health.probeStarted(at: .zero)
        _ = end(&health, .connected, at: a, now: .zero)
        #expect(health.dialFailed(a, .refused, begunAt: .at(0.3), at: .at(0.3)) == true)
        #expect(health.dialSucceeded(a, at: .at(0.35)) == true)
        health.planRoutine(every: .seconds(5), at: .at(0.35), using: &generator)
        #expect(health.nextProbe != nil)
        // And where its addresses are gone for a moment.
        health.suspect(at: .at(1))
        health.addressesKnown([], at: .at(1.1))
        health.addressesKnown([a], at: .at(1.2))
        health.planRoutine(every: .seconds(5), at: .at(1.2), using: &generator)
        #expect(health.nextProbe != nil)
    }

    /// A probe that tells nothing leaves the question where it was.
    @Test func suspicion_outlivesAProbeThatTellsNothing() {
        var health = health(a)
        _ = health.dialSucceeded(a, at: .zero)
        health.suspect(at: .at(1))
        _ = health.probeStarted(at: .at(1))
        #expect(end(&health, .failed(.local, .dialing), now: .at(1.1)) == .none)
        #expect(health.isGood && health.nextProbe == .at(2.1), "it is asked again when we may be able to")
        // And one that was overtaken by another address.
        _ = health.probeStarted(at: .at(2.1))
        health.addressesKnown([b], at: .at(2.2))
        #expect(end(&health, .connected, at: a, now: .at(2.3)) == .none)
        #expect(health.nextProbe == .at(2.3))
    }

    @Test func shortageOfOurs_isNeverHeldAgainstIt() {
        var health = health(a)
        for second in 0..<100 {
            #expect(health.dialFailed(a, .local, begunAt: .at(Double(second)), at: .at(Double(second))) == false)
        }
        #expect(health.isGood && health.nextProbe == nil && health.dialOrder == [a])
    }

    @Test func dialOfAnotherAddress_saysNothing() {
        var health = health(a)
        #expect(health.dialFailed(b, .refused, begunAt: .at(1), at: .at(1)) == false && health.isGood)
        _ = health.dialFailed(a, .refused, begunAt: .at(1), at: .at(1))
        #expect(health.dialSucceeded(b, at: .at(2)) == false && !health.isGood)
    }

    @Test func oneOfTwoAddressesFails_itStaysGood_andTheOtherIsFirst() {
        var health = health(a, b)
        #expect(health.dialFailed(a, .refused, begunAt: .at(1), at: .at(1)) == false)
        #expect(health.isGood && health.dialOrder == [b, a])
        #expect(health.dialFailed(b, .refused, begunAt: .at(2), at: .at(2)) == true)
        #expect(!health.isGood)
    }

    @Test func oldFailureOfOneAddress_andNewOfTheOther_letAProbeDecide() {
        var health = health(a, b)
        _ = health.dialFailed(a, .refused, begunAt: .at(1), at: .at(1))
        #expect(health.dialFailed(b, .refused, begunAt: .at(60), at: .at(60)) == false)
        #expect(health.isGood && health.nextProbe == .at(60))
    }

    @Test func success_bringsItBack_andForgetsTheAddressesFailure() {
        var health = health(a, b)
        _ = health.dialFailed(a, .refused, begunAt: .at(1), at: .at(1))
        _ = health.dialFailed(b, .refused, begunAt: .at(1), at: .at(1))
        #expect(health.dialSucceeded(a, at: .at(2)) == true)
        #expect(health.state == .good && health.dialOrder == [a, b] && health.nextProbe == nil)
        #expect(health.dialSucceeded(a, at: .at(3)) == false, "no news")
    }

    @Test func timeoutOfADialThatBeganBeforeTheLastSuccess_letsAProbeDecide() {
        var health = health(a)
        _ = health.dialSucceeded(a, at: .at(5))
        #expect(health.dialFailed(a, .timedOut, begunAt: .at(4.5), at: .at(5.5)) == false)
        #expect(health.isGood && health.nextProbe == .at(5.5))
        #expect(health.dialFailed(a, .timedOut, begunAt: .at(5.1), at: .at(6.1)) == true)
    }

    @Test func suspicion_startsAtMostOneProbeASecond() {
        var health = health(a)
        health.suspect(at: .at(1))
        #expect(health.nextProbe == .at(1))
        _ = health.probeStarted(at: .at(1))
        health.suspect(at: .at(1.1))
        #expect(health.nextProbe == nil, "one is under way")
        _ = end(&health, .connected, at: a, now: .at(1.2))
        health.suspect(at: .at(1.3))
        health.suspect(at: .at(1.9))
        #expect(health.nextProbe == .at(2))
    }
}

// Probes.
extension EndpointHealthTests {
    @Test func firstFailedProbeOfAGoodOne_isRepeatedAtOnce_theSecondEvicts() {
        var health = health(a)
        health.suspect(at: .zero)
        #expect(health.probeStarted(at: .zero).addresses == [a])
        #expect(end(&health, refused, now: .at(0.5)) == .none)
        #expect(health.isGood && health.nextProbe == .at(0.5))
        _ = health.probeStarted(at: .at(0.5))
        #expect(end(&health, refused, now: .at(1)) == .becameBad)
        #expect(health.isProvenDead)
    }

    @Test func failedProbe_thenSuccess_thenFailure_areNotTwoInARow() {
        var health = health(a)
        for (second, outcome) in [refused, .connected, refused, .connected].enumerated() {
            _ = health.probeStarted(at: .at(Double(second)))
            _ = end(&health, outcome, at: a, now: .at(Double(second) + 0.1))
        }
        #expect(health.isGood)
    }

    @Test func failedDial_andTheProbeAfterIt_proveItDead() {
        var health = health(a)
        _ = health.dialFailed(a, .refused, begunAt: .zero, at: .zero)
        _ = health.probeStarted(at: .zero)
        _ = end(&health, refused, now: .at(0.1))
        #expect(health.isProvenDead)
    }

    @Test func probesOfADeadOne_comeLaterAndLater_neverBeyondTheLongest() throws {
        for seed in 0..<200 as Range<UInt64> {
            var (health, now) = (health(a), Instant.zero)
            _ = health.dialFailed(a, .refused, begunAt: now, at: now)
            var last = Duration.zero
            for _ in 0..<15 {
                _ = health.probeStarted(at: now)
                _ = end(&health, refused, now: now, seed: seed)
                let due = try #require(health.nextProbe)
                #expect(due > now && due - now <= .seconds(60), "seed \(seed)")
                last = due - now
                now = due
            }
            #expect(last >= .seconds(30), "seed \(seed)")
        }
    }

    @Test func whileClientsWait_itIsProbedSoon_countedFromTheLastProbesBegin() {
        var health = health(a)
        _ = health.dialFailed(a, .timedOut, begunAt: .zero, at: .zero)
        var now = Instant.zero
        for _ in 0..<10 {
            _ = health.probeStarted(at: now)
            _ = end(&health, .failed(.timedOut, .dialing), now: now + .milliseconds(500), isUrgent: true)
            #expect(health.nextProbe.map { $0 <= now + .milliseconds(500) } == true)
            now = now + .milliseconds(500)
        }
    }

    @Test func hurry_shortensALongWait_butKeepsThePace() {
        var health = health(a)
        _ = health.dialFailed(a, .refused, begunAt: .zero, at: .zero)
        for second in [0.0, 1, 2, 4, 8, 16, 32, 64] {
            _ = health.probeStarted(at: .at(second))
            _ = end(&health, refused, now: .at(second))
        }
        health.hurry(at: .at(64.1))
        #expect(health.nextProbe == .at(64.4))
        health.hurry(at: .at(70))
        #expect(health.nextProbe == .at(64.4), "never later than it was")
    }

    @Test func hurry_leavesGoodOnesAlone() {
        var health = health(a)
        health.hurry(at: .at(1))
        #expect(health.nextProbe == nil)
    }

    @Test func probeThatCouldNotBeMade_isMadeAgainAfterAPause_andSaysNothing() {
        var health = health(a)
        _ = health.dialFailed(a, .refused, begunAt: .zero, at: .zero)
        _ = health.probeStarted(at: .zero)
        #expect(end(&health, .failed(.local, .dialing), now: .zero) == .none)
        #expect(health.state == .resting(failures: 1, since: .zero) && health.nextProbe == .at(1))
    }

    @Test func dialThatWorkedDuringTheProbe_isNewerThanItsFailure() {
        var health = health(a)
        _ = health.dialFailed(a, .refused, begunAt: .zero, at: .zero)
        _ = health.probeStarted(at: .zero)
        _ = health.dialSucceeded(a, at: .at(0.2))
        #expect(end(&health, refused, now: .at(0.5)) == .none)
        #expect(health.state == .good && health.nextProbe == nil)
    }

    @Test func dialThatRestoresNothing_bringsTheNextProbeForward_butNotAboveOneASecond() {
        var health = health(a, kind: .tls)
        _ = health.probeStarted(at: .zero)
        _ = end(&health, .tlsAnswered, at: a, now: .zero)
        for second in [1.0, 2, 4, 8, 16, 32, 64] {
            _ = health.probeStarted(at: .at(second))
            _ = end(&health, .failed(.timedOut, .connected), at: a, now: .at(second + 0.5))
        }
        #expect(!health.isGood && health.nextProbe.map { $0 > .at(66) } == true)
        #expect(!health.dialSucceeded(a, at: .at(64.6)) && health.nextProbe == .at(65))
        #expect(!health.isProvenDead, "whoever was dialed now must not pay for the last probe")
        #expect(!health.dialSucceeded(a, at: .at(64.7)) && health.nextProbe == .at(65))
    }

    @Test func resultThatNobodyWaitsFor_isIgnored() {
        var health = health(a)
        #expect(end(&health, refused, now: .zero) == .none && health.isGood)
        _ = health.dialFailed(a, .refused, begunAt: .zero, at: .zero)
        #expect(end(&health, .connected, at: a, now: .zero) == .none && !health.isGood)
    }
}

// Addresses.
extension EndpointHealthTests {
    @Test func movedWhileResting_itIsProbedThereAtOnce() {
        var health = health(a)
        _ = health.dialFailed(a, .refused, begunAt: .zero, at: .zero)
        _ = health.probeStarted(at: .zero)
        _ = end(&health, refused, now: .zero)
        health.addressesKnown([b], at: .at(0.05))
        #expect(health.nextProbe == .at(0.05) && health.dialOrder == [b])
    }

    @Test func movedDuringAProbe_theResultIsOld_andItIsProbedAgain() {
        var health = health(a)
        _ = health.dialFailed(a, .refused, begunAt: .zero, at: .zero)
        _ = health.probeStarted(at: .zero)
        health.addressesKnown([b], at: .at(0.1))
        #expect(end(&health, refused, now: .at(0.2)) == .none)
        #expect(health.state == .resting(failures: 1, since: .zero) && health.nextProbe == .at(0.2))
    }

    @Test func lostAllAddresses_itIsNotProbed_untilItHasSome() {
        var health = health(a)
        _ = health.dialFailed(a, .refused, begunAt: .zero, at: .zero)
        health.addressesKnown([], at: .at(1))
        #expect(health.nextProbe == nil)
        health.suspect(at: .at(2))
        #expect(health.nextProbe == nil)
        health.addressesKnown([a], at: .at(3))
        #expect(health.nextProbe == .at(3) && !health.isGood)
    }

    @Test func lostAllAddresses_duringAProbe_noOtherFollows() {
        var health = health(a)
        _ = health.dialFailed(a, .refused, begunAt: .zero, at: .zero)
        _ = health.probeStarted(at: .zero)
        health.addressesKnown([], at: .at(0.1))
        _ = end(&health, refused, now: .at(0.5))
        #expect(health.nextProbe == nil)
        health.addressesKnown([a], at: .at(1))
        #expect(health.nextProbe == .at(1))
    }

    @Test func failuresOfAddressesThatAreGone_areForgotten() {
        var health = health(a, b)
        _ = health.dialFailed(a, .refused, begunAt: .zero, at: .zero)
        health.addressesKnown([b], at: .at(1))
        health.addressesKnown([a, b], at: .at(2))
        #expect(health.dialOrder == [a, b])
    }
}
