/// The form of a log line.
public enum LogFormat: String, CaseIterable, Sendable {
    /// Chosen by where stderr goes: `journal` under systemd, otherwise `text` on a terminal and `json` elsewhere.
    case auto
    /// For people: one plain line.
    case text
    /// For programs: one JSON object a line, with the keys that `etcd gateway` uses.
    case json
    /// For journald: plain text behind a priority such as `<6>`.
    case journal
}

/// The least important line that is logged.
public enum LogLevel: String, CaseIterable, Sendable {
    /// The steps of start and stop as well.
    case debug
    /// Changes of state. The default.
    case info
    /// What an administrator should look at.
    case warning
    /// What does not work.
    case error
}
