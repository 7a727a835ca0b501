internal import CLinux
public import Gateway

/// CLOCK_MONOTONIC: the clock that loops, timers and decisions share. Steps of the wall clock do not move it.
public enum MonotonicClock {
    /// The time now.
    public static func now() -> Instant {
        Instant(nanoseconds: clinux_monotonic_ns())
    }

    /// Milliseconds from now until then for a wait, rounded up so that nobody wakes too early; -1 for no limit.
    static func milliseconds(until deadline: Instant?, from now: Instant) -> Int32 {
        guard let deadline else { return -1 }
        let nanoseconds = max(0, (deadline - now).wholeNanoseconds)
        let milliseconds = nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1)
        return Int32(clamping: milliseconds)
    }
}
