import Gateway
import GatewayTesting
import Testing

@Suite struct NameWatchTests {
    private let question = Question.addresses("a", .v4)
    private let timing = NameWatch.Timing(minimumTTL: .seconds(1), maximumTTL: .seconds(300))

    private func watch(_ questions: Set<Question>? = nil) -> NameWatch {
        var watch = NameWatch(timing: timing)
        watch.watch(questions ?? [question], at: .zero)
        return watch
    }

    private func records(_ hosts: UInt32..., seconds: Int = 60) -> Answer {
        .addresses(hosts.map { SocketAddress.host($0).ip }, timeToLive: .seconds(seconds))
    }

    /// Asks at `now` and takes the answer at once.
    private func ask(
        _ watch: inout NameWatch, _ answer: Answer, at now: Instant, seed: UInt64 = 1
    ) -> NameWatch.Outcome {
        var generator = SeededGenerator(seed: seed)
        _ = watch.takeDue(at: now)
        return watch.answered(question, answer, at: now, using: &generator)
    }

    @Test func newQuestions_areDueAtOnce_inOneOrder_andOnlyOnce() {
        let questions: Set<Question> = [
            .addresses("b", .v6), .services("s"), .addresses("b", .v4), .addresses("a", .v4),
        ]
        var watch = watch(questions)
        #expect(watch.nextDue == .zero)
        #expect(
            watch.takeDue(at: .zero)
                == [.services("s"), .addresses("a", .v4), .addresses("b", .v4), .addresses("b", .v6)])
        #expect(watch.takeDue(at: .at(100)) == [] && watch.nextDue == nil)
    }

    @Test func refresh_neverBeforeTheTimeToLive_clamped_andAtMostATenthLater() throws {
        for seed in 0..<2_000 as Range<UInt64> {
            for (stated, clamped) in [(0, 1), (1, 1), (30, 30), (300, 300), (86_400, 300)] {
                var watch = watch()
                _ = ask(&watch, records(1, seconds: stated), at: .zero, seed: seed)
                let due = try #require(watch.nextDue) - .zero
                #expect(
                    due >= .seconds(clamped) && due <= .seconds(clamped) * 1.1, "seed \(seed), TTL \(stated): \(due)")
            }
        }
    }

    @Test func machinesThatAskedTogether_driftApart() {
        let dues = (0..<100 as Range<UInt64>).map { seed in
            var watch = watch()
            _ = ask(&watch, records(1), at: .zero, seed: seed)
            return watch.nextDue
        }
        #expect(Set(dues).count > 95)
    }

    @Test func sameRecordsInAnotherOrder_areNoNews_andKeepTheirOrder() {
        var watch = watch()
        #expect(ask(&watch, records(1, 2), at: .zero) == .changed)
        #expect(ask(&watch, records(2, 1, seconds: 5), at: .at(100)) == .unchanged)
        #expect(watch[question]?.good == records(1, 2))
        #expect(ask(&watch, records(2), at: .at(200)) == .changed)
    }

    @Test func negative_keepsTheLastGoodAnswer_andWaitsForItsTimeToLive() throws {
        var watch = watch()
        _ = ask(&watch, records(1), at: .zero)
        #expect(ask(&watch, .nothing(timeToLive: .seconds(10)), at: .at(100)) == .failing)
        let entry = try #require(watch[question])
        #expect(entry.good == records(1) && entry.isNegative && entry.goodAt == .zero && entry.answeredAt == .at(100))
        let due = try #require(watch.nextDue)
        #expect(due >= .at(110) && due <= .at(111))
        #expect(ask(&watch, records(1), at: .at(200)) == .changed)  // the negative answer is over
        #expect(watch[question]?.isNegative == false)
    }

    @Test func negativeWithoutTimeToLive_isAskedAgainInHalfAMinute() throws {
        var watch = watch()
        _ = ask(&watch, .nothing(timeToLive: nil), at: .zero)
        let due = try #require(watch.nextDue)
        #expect(due >= .at(30) && due <= .at(33))
    }

    @Test func failures_backOff_neverBeyondThirtySeconds_andStartAnewAfterAnAnswer() throws {
        for seed in 0..<500 as Range<UInt64> {
            var (watch, now, waits) = (watch(), Instant.zero, [Duration]())
            for _ in 0..<10 {
                #expect(ask(&watch, .failed("SERVFAIL"), at: now, seed: seed) == .failing)
                let due = try #require(watch.nextDue)
                waits.append(due - now)
                now = due
            }
            #expect(waits.allSatisfy { $0 >= .milliseconds(500) && $0 <= .seconds(30) }, "seed \(seed): \(waits)")
            #expect(waits[0] <= .seconds(1) && waits[9] >= .seconds(15), "seed \(seed): \(waits)")
            _ = ask(&watch, records(1), at: now, seed: seed)
            #expect(watch[question]?.failures == 0 && watch[question]?.failure == nil)
        }
    }

    @Test func failure_keepsTheLastGoodAnswer() {
        var watch = watch()
        _ = ask(&watch, records(1), at: .zero)
        _ = ask(&watch, .failed("timeout"), at: .at(100))
        #expect(watch[question]?.good == records(1) && watch[question]?.failure == "timeout")
    }

    @Test func answers_toWhatIsNotAsked_areNoNews() {
        var generator = SeededGenerator(seed: 1)
        var watch = watch()
        #expect(watch.answered(question, records(1), at: .zero, using: &generator) == .noNews)
        #expect(watch.answered(.services("x"), records(1), at: .zero, using: &generator) == .noNews)
        _ = ask(&watch, records(1), at: .zero)
        #expect(watch.answered(question, records(2), at: .at(1), using: &generator) == .noNews)
    }

    @Test func forgottenQuestion_isNewWhenItReturns() {
        var watch = watch()
        _ = ask(&watch, records(1), at: .zero)
        watch.watch([], at: .at(1))
        #expect(watch.isEmpty && watch.nextDue == nil)
        watch.watch([question], at: .at(2))
        #expect(watch[question]?.good == nil && watch.nextDue == .at(2))
    }
}

// Hurry, confirmation, another name service.
extension NameWatchTests {
    @Test func hurry_asksAtOnce_butNotAgainWithinASecond() {
        var watch = watch()
        _ = ask(&watch, records(1), at: .zero)
        watch.hurry(at: .at(0.3), isUrgent: false)
        #expect(watch.nextDue == .at(1))
        watch.hurry(at: .at(5), isUrgent: false)
        #expect(watch.nextDue == .at(1))  // never later than it was
        _ = ask(&watch, records(1), at: .at(5))
        watch.hurry(at: .at(20), isUrgent: false)
        #expect(watch.nextDue == .at(20))
    }

    @Test func hurry_leavesFailingQuestionsTheirBackoff_unlessClientsWait() throws {
        var watch = watch()
        for second in 0..<8 { _ = ask(&watch, .failed("x"), at: .at(Double(second) * 100)) }
        let due = try #require(watch.nextDue)
        watch.hurry(at: .at(702), isUrgent: false)
        #expect(watch.nextDue == due)
        watch.hurry(at: .at(702), isUrgent: true)
        #expect(watch.nextDue == .at(702))
    }

    @Test func hurry_doesNotAskTwice_whatIsBeingAsked() {
        var watch = watch()
        _ = watch.takeDue(at: .zero)
        watch.hurry(at: .at(5), isUrgent: true)
        #expect(watch.nextDue == nil)
    }

    @Test func confirmation_bringsOlderAnswersForward_andNoOthers() {
        var watch = watch()
        _ = ask(&watch, records(1, seconds: 300), at: .zero)
        watch.confirm(question, by: .at(5))
        #expect(watch.nextDue == .at(5))
        _ = ask(&watch, records(1, seconds: 300), at: .at(5))
        watch.confirm(question, by: .at(5))
        #expect(watch.nextDue.map { $0 >= .at(305) } == true)
        _ = ask(&watch, .failed("x"), at: .at(400))
        watch.confirm(question, by: .at(400.1))
        #expect(watch.nextDue.map { $0 >= .at(400.5) } == true, "a failing question keeps its backoff")
    }

    @Test func anotherNameService_isAskedAtOnce_alsoWhatTheOldOneIsBeingAsked() {
        var generator = SeededGenerator(seed: 1)
        var watch = watch()
        _ = watch.takeDue(at: .zero)
        watch.restart(at: .at(1))
        #expect(watch.takeDue(at: .at(1)) == [question])
        // The old one gives up, the new one answers; in the other order it is the same.
        #expect(watch.answered(question, .failed("timeout"), at: .at(2), using: &generator) == .noNews)
        #expect(watch.answered(question, records(1), at: .at(3), using: &generator) == .changed)
        #expect(watch[question]?.failure == nil)
    }

    @Test func anotherNameService_answersFirst_theOldOnesFailureDoesNotCount() {
        var generator = SeededGenerator(seed: 1)
        var watch = watch()
        _ = watch.takeDue(at: .zero)
        watch.restart(at: .at(1))
        _ = watch.takeDue(at: .at(1))
        #expect(watch.answered(question, records(1), at: .at(2), using: &generator) == .changed)
        #expect(watch.answered(question, .failed("timeout"), at: .at(3), using: &generator) == .noNews)
        #expect(watch[question]?.failure == nil && watch.nextDue.map { $0 >= .at(62) } == true)
    }

    @Test func anotherNameService_endsTheBackoff() throws {
        var watch = watch()
        for second in 0..<8 { _ = ask(&watch, .failed("x"), at: .at(Double(second) * 100)) }
        watch.restart(at: .at(710))
        #expect(watch.nextDue == .at(710))
        _ = ask(&watch, .failed("x"), at: .at(710))
        #expect(try #require(watch.nextDue) <= .at(711))
    }
}
