/// How often something took how long, in a few classes.
public struct Histogram: Equatable, Sendable {
    /// The longest duration of each class; a last class has no bound.
    public let bounds: [Duration]
    /// How many there were in each class, one more than bounds.
    public private(set) var counts: [UInt64]
    /// All durations together.
    public private(set) var sum = Duration.zero

    /// For dials: from a loopback's to one that takes the longest dial timeout there is by default, and longer.
    public static let dialBounds: [Duration] =
        [.microseconds(100), .microseconds(250), .microseconds(500)]
        + [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000].map { .milliseconds($0) }

    /// For sessions: from a single request's to a watch of days.
    public static let sessionBounds: [Duration] =
        [.milliseconds(10), .milliseconds(100)] + [1, 10, 60, 600, 3600, 21_600, 86_400, 604_800].map { .seconds($0) }

    /// Nothing yet, in classes with these bounds, which grow.
    public init(bounds: [Duration]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// What was counted elsewhere in the classes of these bounds.
    public init(bounds: [Duration], counts: [UInt64], sum: Duration) {
        precondition(counts.count == bounds.count + 1, "each class has its count")
        self.bounds = bounds
        self.counts = counts
        self.sum = sum
    }

    /// The class of a duration.
    public static func index(of duration: Duration, in bounds: [Duration]) -> Int {
        bounds.firstIndex { duration <= $0 } ?? bounds.count
    }

    /// How many there were.
    public var count: UInt64 { counts.reduce(0, +) }

    /// Adds what was counted in the same classes.
    public mutating func add(_ other: Histogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        sum += other.sum
    }

    /// Takes away what was counted before.
    public mutating func subtract(_ earlier: Histogram) {
        for index in counts.indices { counts[index] -= min(counts[index], earlier.counts[index]) }
        sum = max(.zero, sum - earlier.sum)
    }
}
