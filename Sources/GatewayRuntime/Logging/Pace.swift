internal import Gateway

/// Lets one line a minute through, and counts the others.
struct Pace {
    private static let pause = Duration.seconds(60)

    private var last: Instant?
    private var suppressed = 0

    /// Calls `body` with the number of lines that were held back since the last one, or holds this one back.
    mutating func write(at now: Instant, _ body: (Int) -> Void) {
        if let last, now - last < Self.pause {
            suppressed += 1
            return
        }
        body(suppressed)
        last = now
        suppressed = 0
    }
}
