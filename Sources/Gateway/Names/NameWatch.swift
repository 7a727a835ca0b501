/// Keeps asking a set of questions for ever: when the time to live of the last answer is over, later and later while no
/// answer comes, at once when there is reason to hurry. Keeps the last good answer whatever happens.
public struct NameWatch: Equatable, Sendable {
    /// The rules of when to ask again.
    public struct Timing: Equatable, Sendable {
        /// An answer is not asked for again sooner, whatever its time to live. Default 1 s.
        public var minimumTTL: Duration
        /// An answer is asked for again after this, whatever its time to live. Default 5 min.
        public var maximumTTL: Duration

        /// Bounds of the time to live.
        public init(minimumTTL: Duration, maximumTTL: Duration) {
            self.minimumTTL = minimumTTL
            self.maximumTTL = maximumTTL
        }
    }

    /// Failed questions are repeated after 1 s, then later, at most after 30 s.
    public static let backoff = Backoff(first: .seconds(1), longest: .seconds(30))
    /// Hurried questions are asked at most this often.
    public static let hurriedAtMostEvery = Duration.seconds(1)
    /// "There is none" holds for so long where nobody says how long.
    public static let unstatedNegativeTTL = Duration.seconds(30)

    /// What one question's history is.
    public struct Entry: Equatable, Sendable {
        /// The last answer that had records.
        public fileprivate(set) var good: Answer?
        /// Whether the last answer said that there are no records.
        public fileprivate(set) var isNegative = false
        /// Why the last try failed; `nil` after any answer.
        public fileprivate(set) var failure: String?
        /// When the last answer, good or negative, came.
        public fileprivate(set) var answeredAt: Instant?
        /// When the last answer that had records came.
        public fileprivate(set) var goodAt: Instant?
        /// Failures in a row since the last answer, or since the name service changed.
        public fileprivate(set) var failures = 0
        /// Whether any answer has come, or any try has failed.
        public var isTried: Bool { answeredAt != nil || failure != nil }
        fileprivate var askedAt: Instant?
        fileprivate var underway = 0
        /// When it is asked next; `nil` while it is being asked.
        public fileprivate(set) var due: Instant?
    }

    /// How an answer compares with what was known.
    public enum Outcome: Equatable, Sendable {
        /// Records that are new or differ.
        case changed
        /// The records that were known.
        case unchanged
        /// There are none, or no answer came.
        case failing
        /// It answers nothing that is asked, or another try is still under way.
        case noNews
    }

    private var entries: [Question: Entry] = [:]
    /// The rules of when to ask again.
    public private(set) var timing: Timing

    /// Watches nothing yet.
    public init(timing: Timing) {
        self.timing = timing
    }

    /// What is known of a question.
    public subscript(question: Question) -> Entry? { entries[question] }

    /// Watches exactly these questions; new ones are due now, others are forgotten with what was known.
    public mutating func watch(_ questions: Set<Question>, at now: Instant) {
        entries = entries.filter { questions.contains($0.key) }
        for question in questions where entries[question] == nil { entries[question] = Entry(due: now) }
    }

    /// Other rules hold from now on; what would be asked for later than they allow is asked for within them.
    public mutating func reconfigured(_ timing: Timing, at now: Instant) {
        self.timing = timing
        for (question, entry) in entries where entry.failure == nil {
            entries[question]?.due = entry.due.map { min($0, now + timing.maximumTTL) }
        }
    }

    /// Whether nothing is watched.
    public var isEmpty: Bool { entries.isEmpty }

    /// All that is watched, in the order of the questions.
    public var watched: [(question: Question, entry: Entry)] {
        entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// How many questions are watched.
    package var count: Int { entries.count }

    /// When the next question is due.
    public var nextDue: Instant? { entries.values.compactMap(\.due).min() }

    /// The questions to ask now; each counts as asked until it is answered.
    public mutating func takeDue(at now: Instant) -> [Question] {
        let due = entries.filter { $0.value.due.map { $0 <= now } ?? false }.keys.sorted()
        for question in due {
            entries[question]?.due = nil
            entries[question]?.askedAt = now
            entries[question]?.underway += 1
        }
        return due
    }

    /// Takes an answer and decides when to ask again.
    public mutating func answered(
        _ question: Question, _ answer: Answer, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> Outcome {
        guard var entry = entries[question], entry.underway > 0 else { return .noNews }
        defer { entries[question] = entry }
        entry.underway -= 1
        switch answer {
        case .services(_, let timeToLive), .addresses(_, let timeToLive):
            return takeRecords(answer, timeToLive, into: &entry, at: now, using: &generator)
        case .nothing, .failed:
            // Another try was made meanwhile, for there is another name service: that one's answer counts.
            guard entry.underway == 0, entry.due == nil else { return .noNews }
            takeNone(answer, into: &entry, at: now, using: &generator)
            return .failing
        }
    }

    private func takeRecords(
        _ answer: Answer, _ timeToLive: Duration, into entry: inout Entry, at now: Instant,
        using generator: inout some RandomNumberGenerator
    ) -> Outcome {
        let isKnown = entry.good?.hasSameRecords(as: answer) ?? false
        let wasNegative = entry.isNegative
        // The same records in another order are no news: name servers rotate them.
        entry = Entry(
            good: isKnown ? entry.good : answer, answeredAt: now, goodAt: now, askedAt: entry.askedAt,
            underway: entry.underway, due: now + refresh(after: timeToLive, using: &generator))
        return isKnown && !wasNegative ? .unchanged : .changed
    }

    private func takeNone(
        _ answer: Answer, into entry: inout Entry, at now: Instant, using generator: inout some RandomNumberGenerator
    ) {
        if case .failed(let reason) = answer {
            entry.failures += 1
            entry.failure = reason
            entry.due = now + Self.backoff.wait(afterFailures: entry.failures, using: &generator)
            return
        }
        var timeToLive: Duration?
        if case .nothing(let stated) = answer { timeToLive = stated }
        entry.isNegative = true
        entry.failure = nil
        entry.failures = 0
        entry.answeredAt = now
        entry.due = now + refresh(after: timeToLive ?? Self.unstatedNegativeTTL, using: &generator)
    }

    /// Never before the time to live is over, and up to a tenth later, so that machines that asked together drift apart.
    private func refresh(after timeToLive: Duration, using generator: inout some RandomNumberGenerator) -> Duration {
        let clamped = max(timing.minimumTTL, min(timing.maximumTTL, timeToLive)).wholeNanoseconds
        return .nanoseconds(clamped + Int64.random(in: 0...(clamped / 10), using: &generator))
    }

    /// Makes every question due now, but for those asked less than a second ago: every endpoint has failed. Those that fail
    /// keep to their backoff, unless clients wait.
    public mutating func hurry(at now: Instant, isUrgent: Bool) {
        for (question, entry) in entries where isUrgent || entry.failures == 0 {
            guard let due = entry.due else { continue }
            let soonest = entry.askedAt.map { $0 + Self.hurriedAtMostEvery } ?? now
            entries[question]?.due = min(due, max(now, soonest))
        }
    }

    /// Makes a question due at `instant` whose last answer is older than that: a newer one then decides something.
    public mutating func confirm(_ question: Question, by instant: Instant) {
        guard let entry = entries[question], let due = entry.due, entry.failures == 0 else { return }
        guard let statedAt = entry.isNegative ? entry.answeredAt : entry.goodAt, statedAt < instant else { return }
        entries[question]?.due = min(due, instant)
    }

    /// Makes every question due now: the name service itself changed (/etc/resolv.conf, /etc/hosts). What is being asked of
    /// the old one is asked again, and the old one's failures do not count.
    public mutating func restart(at now: Instant) {
        for question in entries.keys {
            entries[question]?.due = now
            entries[question]?.failures = 0
        }
    }
}

extension Answer {
    /// Whether both have the same records, in any order and whatever their time to live.
    func hasSameRecords(as other: Answer) -> Bool {
        switch (self, other) {
        case (.services(let left, _), .services(let right, _)): Set(left) == Set(right)
        case (.addresses(let left, _), .addresses(let right, _)): Set(left) == Set(right)
        default: false
        }
    }
}
