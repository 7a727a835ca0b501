/// What a service manager is told of its service (sd_notify(3)).
public enum ServiceNotification: Hashable, Sendable {
    /// Clients are served.
    case ready
    /// One line for people.
    case status(String)
    /// Settings are read again, since this instant of CLOCK_MONOTONIC; `ready` ends it.
    case reloading(since: Instant)
    /// The end has begun.
    case stopping
    /// Whoever should make progress does.
    case alive
    /// Starting or stopping may take so much longer from now on.
    case needsTime(Duration)
}

extension ServiceNotification: CustomStringConvertible {
    /// The assignments that the protocol wants; a line end inside a status would begin another one.
    public var description: String {
        switch self {
        case .ready: "READY=1"
        case .status(let text): "STATUS=" + String(text.map { $0.isNewline ? " " : $0 })
        // Both in one message, or systemd ends the reload at once.
        case .reloading(let instant): "RELOADING=1\nMONOTONIC_USEC=\(instant.nanoseconds / 1000)"
        case .stopping: "STOPPING=1"
        case .alive: "WATCHDOG=1"
        case .needsTime(let duration): "EXTEND_TIMEOUT_USEC=\(max(0, duration.wholeNanoseconds / 1000))"
        }
    }
}
