internal import CLinux

/// The time of day, for people; nothing is ever decided by it.
enum WallClock {
    /// `2026-11-23T02:15:00.123Z`, as etcd's logs have it.
    static func text() -> String {
        let now = clinux_utc()
        let date = "\(now.year)-\(two(now.month))-\(two(now.day))"
        return "\(date)T\(two(now.hour)):\(two(now.minute)):\(two(now.second)).\(digits(now.millisecond + 1000))Z"
    }

    private static func two(_ number: Int32) -> Substring { digits(number + 100) }

    /// The digits behind a leading one, which keeps the zeros in front.
    private static func digits(_ number: Int32) -> Substring { String(number).dropFirst() }
}
