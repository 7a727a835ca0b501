internal import Gateway
internal import Glibc

/// What a service manager has given this process: its listening sockets, its ear, and its watchdog. Empty without one.
public struct ServiceContext: Sendable {
    /// Opened for us; they are listened on instead of `--listen-addr`.
    var sockets: [ActivatedSocket] = []
    /// What an earlier process has had it keep.
    var inherited = InheritedStore()
    /// Where it is told how we are.
    var notify: NotifySocket?
    /// How long it waits for a sign of life.
    var watchdog: Duration?
    /// Where it runs us.
    var unit: ServiceUnit?
    /// What it has said and we do not understand.
    var warnings: [String] = []

    /// No manager.
    public init() {}

    /// What the environment says. The variables that pass sockets are taken out of it: no child shall think it is meant.
    init(environment: [String: String], ownProcess: Int32 = getpid()) throws(ActivationError) {
        notify = environment["NOTIFY_SOCKET"].flatMap(NotifySocket.init(path:))
        watchdog = Self.watchdog(environment, ownProcess)
        if let text = environment["NOTIFY_SOCKET"], !text.isEmpty, notify == nil {
            warnings.append("NOTIFY_SOCKET is not used: \(printable(text)) is no path of a unix socket")
        }
        unit = notify == nil ? nil : SystemFile.read("/proc/self/cgroup").flatMap(ServiceUnit.init(cgroups:))
        let passed = try PassedDescriptor.all(in: environment, ownProcess: ownProcess)
        sockets = try ActivatedSocket.all(among: passed)
        inherited = InheritedStore(passed)
        inherited.held = PassedDescriptor.held(in: environment, ownProcess: ownProcess)
    }

    /// `WATCHDOG_USEC`, if it is meant for this process (sd_watchdog_enabled(3)).
    private static func watchdog(_ environment: [String: String], _ ownProcess: Int32) -> Duration? {
        if let process = environment["WATCHDOG_PID"], process != String(ownProcess) { return nil }
        guard let text = environment["WATCHDOG_USEC"], let microseconds = Int64(text), microseconds > 0 else {
            return nil
        }
        return .microseconds(microseconds)
    }

    /// What to type once wrong settings are mended; `nil` where no unit runs us. A client that waits at the socket starts
    /// the service again and again, until the manager gives the socket up: so both are named.
    var wayBack: String? {
        guard let unit else { return nil }
        let units = sockets.isEmpty ? unit.name : "\(unit.socketName) \(unit.name)"
        return "when it is mended, type: systemctl restart \(units)"
    }
}
