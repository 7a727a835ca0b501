/// What a service manager tells this process by its environment (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)).
public struct ServiceEnvironment: Equatable, Sendable {
    /// Descriptors that it passes.
    public var passed: [PassedDescriptor]
    /// Under which number descriptors of sessions are open beside these, left by the process that became this one; 0: none are.
    public var held: UInt64
    /// The unix socket where it is told how we are: a path, or an abstract name behind an `@`.
    public var notifySocket: String?
    /// How long it waits for a sign of life.
    public var watchdog: Duration?
    /// What it has said and we do not understand, a line each.
    public var warnings: [String] = []

    /// Bytes of the longest path of a unix socket (unix(7)), without the closing zero.
    public static let pathBytesMax = 107

    /// What these variables say to the process with this number.
    public init(_ environment: [String: String], ownProcess: Int32) throws(ActivationError) {
        if let text = environment["NOTIFY_SOCKET"], !text.isEmpty {
            if Self.isSocketName(text) {
                notifySocket = text
            } else {
                warnings.append("NOTIFY_SOCKET is not used: \(quoted(text)) is no path of a unix socket")
            }
        }
        watchdog = Self.watchdog(environment, ownProcess)
        passed = try PassedDescriptor.all(in: environment, ownProcess: ownProcess)
        held = PassedDescriptor.held(in: environment, ownProcess: ownProcess)
    }

    /// Whether it can be the name of a manager's socket.
    public static func isSocketName(_ text: String) -> Bool {
        (text.hasPrefix("/") || text.hasPrefix("@")) && text.utf8.count <= pathBytesMax && !text.utf8.contains(0)
    }

    /// `WATCHDOG_USEC`, if it is meant for this process.
    private static func watchdog(_ environment: [String: String], _ ownProcess: Int32) -> Duration? {
        if let process = environment["WATCHDOG_PID"], process != String(ownProcess) { return nil }
        guard let text = environment["WATCHDOG_USEC"], let microseconds = Int64(text), microseconds > 0 else {
            return nil
        }
        return .microseconds(microseconds)
    }
}
