/// The growing wait before something that failed is tried again.
public struct Backoff: Equatable, Sendable {
    /// The wait after the first failure, before jitter.
    public var first: Duration
    /// No wait is ever longer, jitter included.
    public var longest: Duration

    /// Doubling from `first` up to `longest`.
    public init(first: Duration, longest: Duration) {
        self.first = first
        self.longest = longest
    }

    /// The wait after this many failures in a row (at least 1): `first` doubled for each further one, at most `longest`, of
    /// which a random part between half and all is taken, so that machines that failed together do not return together.
    public func wait(afterFailures failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let doublings = min(max(failures, 1) - 1, 40)  // 2^40 nanoseconds are 18 minutes already
        let limit = max(longest.wholeNanoseconds, 1)
        let (product, overflow) = max(first.wholeNanoseconds, 1).multipliedReportingOverflow(by: 1 << doublings)
        let full = overflow ? limit : min(product, limit)
        return .nanoseconds(Int64.random(in: (full / 2)...full, using: &generator))
    }
}
