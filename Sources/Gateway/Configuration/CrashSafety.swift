/// Whether sessions are kept where a crash cannot reach them.
public enum CrashSafety: String, CaseIterable, Sendable {
    /// They are, where a service manager has a store for descriptors.
    case on
    /// They end with the process.
    case off
}
