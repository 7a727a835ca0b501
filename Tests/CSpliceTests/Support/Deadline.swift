import Glibc

/// A moment by which something must have happened. Every wait of these tests has one, none sleeps and hopes.
struct Deadline: Sendable {
    /// Long enough for a sanitizer's build on a busy machine: only a failing test ever waits so long.
    static let usual = Duration.seconds(15)

    private let instant: ContinuousClock.Instant

    init(in duration: Duration = Deadline.usual) {
        instant = ContinuousClock.now + duration
    }

    var hasPassed: Bool { ContinuousClock.now >= instant }

    /// What is left, as poll(2) wants it: milliseconds, rounded up, never negative.
    var pollTimeout: Int32 {
        let left = instant - ContinuousClock.now
        guard left > .zero else { return 0 }
        return Int32(left / .milliseconds(1)) + 1
    }
}

/// Asks again every millisecond until the condition holds or the duration has passed; false in the second case.
func eventually(within duration: Duration = Deadline.usual, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Deadline(in: duration)
    while true {
        if try condition() { return true }
        if deadline.hasPassed { return false }
        usleep(1000)
    }
}

/// Whether a value stays what it is for a while: how the absence of progress is observed.
func staysUnchanged(for duration: Duration, _ value: () throws -> Int) rethrows -> Bool {
    let before = try value()
    return try !eventually(within: duration) { try value() != before }
}
