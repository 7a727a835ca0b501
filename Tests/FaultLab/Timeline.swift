/// When what was done in one measurement.
struct Timeline: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// One blow: from the first moment when it may be felt to the moment when it is complete.
    struct Step: Sendable {
        let began: Instant
        let done: Instant
    }

    /// The blows, first to last; most faults are one.
    var steps: [Step] = []
    /// When all members had their new addresses, where they were replaced.
    var replacedAt: Instant?
    /// When the clients were no longer watched.
    var ended: Instant?

    /// The beginning of the fault.
    var began: Instant? { steps.first?.began }

    /// Does `work` as one blow.
    mutating func step(_ work: () async throws -> Void) async rethrows {
        let began = Instant.now
        try await work()
        steps.append(Step(began: began, done: .now))
    }

    /// Whether a request of this time was under way when a blow fell.
    func wasUnderWay(from start: Instant, to end: Instant) -> Bool {
        steps.contains { start <= $0.done && end >= $0.began }
    }
}
