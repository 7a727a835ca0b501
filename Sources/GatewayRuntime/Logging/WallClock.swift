internal import Gateway
internal import Glibc

/// The time of day, for people; nothing is ever decided by it.
enum WallClock {
    /// Now, as etcd's logs have it: `2026-11-23T02:15:00.123Z`.
    static func text() -> String { "\(now())" }

    /// Now.
    static func now() -> WallTime {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)  // unsafe: the timespec is ours; cannot fail with this clock
        return WallTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
