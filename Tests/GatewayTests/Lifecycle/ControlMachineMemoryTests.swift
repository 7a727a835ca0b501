import Gateway
import GatewayTesting
import Testing

/// When the last good set is written.
@Suite struct ControlMachineMemoryTests {
    @Test func answered_whenNothingWasKept_isWrittenOnce() {
        var run = Run()
        run.start()
        run.answerForSeconds(120)
        #expect(run.saves == 1)
    }

    @Test func answered_whenTheSameWasKept_isWrittenOnceMore_soThatItsAgeStartsAnew() throws {
        var first = Run()
        first.start()
        first.answerForSeconds(10)
        let kept = try #require(first.saved)
        var second = Run()
        second.start(remembering: kept)
        second.answerForSeconds(120)
        #expect(second.saves == 1)
        #expect(second.saved == kept)
    }

    @Test func answered_dayAfterDay_isWrittenOnceADay() {
        var run = Run(timeToLive: .seconds(300))
        run.start()
        run.answerForSeconds(10 * 24 * 3600)
        #expect((9...11).contains(run.saves))
    }

    @Test func unanswered_whenTheSameWasKept_isNotWritten_soThatItGrowsOld() throws {
        var first = Run()
        first.start()
        first.answerForSeconds(10)
        let kept = try #require(first.saved)
        var second = Run()
        second.isAnswering = false
        second.start(remembering: kept)
        second.answerForSeconds(10 * 24 * 3600)
        #expect(second.saves == 0)
    }

    @Test func saveFailed_isTriedAgainEveryMinute_untilItWorks() {
        var run = Run()
        run.canSave = false
        run.start()
        run.answerForSeconds(600)
        #expect((8...11).contains(run.saves))
        run.canSave = true
        run.answerForSeconds(600)
        let after = run.saves
        run.answerForSeconds(3600)
        #expect(run.saves == after)
    }
}

/// A machine with one discovered endpoint, whose questions are answered as they come.
private struct Run {
    private var machine: ControlMachine
    private var generator = SeededGenerator(seed: 1)
    private var now = Instant.zero + .seconds(1)
    private let timeToLive: Duration
    var isAnswering = true
    var canSave = true
    private(set) var saves = 0
    private(set) var saved: LastGoodSet?

    init(timeToLive: Duration = .seconds(2)) {
        self.timeToLive = timeToLive
        let flags: [Setting: [String]] = [.discoveryDomain: ["example.com"]]
        guard case .success(let settings) = Settings.resolve(flags: flags, environment: [:], file: nil).result else {
            preconditionFailure("these flags are right")
        }
        machine = ControlMachine(options: ControlOptions(settings))
    }

    mutating func start(remembering set: LastGoodSet? = nil) {
        perform(machine.started(at: now, guardedBy: LoopGuard(), remembering: set, using: &generator))
    }

    /// Lets time pass, from deadline to deadline.
    mutating func answerForSeconds(_ seconds: Int) {
        let end = now + .seconds(seconds)
        while let due = machine.nextDeadline, due < end {
            now = max(now, due)
            perform(machine.timerFired(at: now, using: &generator))
        }
        now = end
    }

    private mutating func perform(_ actions: [ControlMachine.Action]) {
        for action in actions {
            switch action {
            case .ask(let question):
                perform(machine.answered(question, answer(to: question), at: now, using: &generator))
            case .save(let set):
                saves += 1
                if canSave { saved = set } else { machine.saveFailed(at: now) }
            default:
                break
            }
        }
    }

    private func answer(to question: Question) -> Answer {
        guard isAnswering else { return .failed("silence") }
        switch question {
        case .services(let name) where name.contains("ssl"):
            let record = ServiceRecord(priority: 0, weight: 0, port: 2379, target: "host.example.com")
            return .services([record], timeToLive: timeToLive)
        case .addresses(_, .v4):
            return .addresses([IPAddress("10.0.0.1")].compactMap { $0 }, timeToLive: timeToLive)
        case .services, .addresses:
            return .nothing(timeToLive: .seconds(300))
        }
    }
}
