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
        let environment = try ServiceEnvironment(environment, ownProcess: ownProcess)
        notify = environment.notifySocket.flatMap(NotifySocket.init(path:))
        (watchdog, warnings) = (environment.watchdog, environment.warnings)
        unit = notify == nil ? nil : SystemFile.read("/proc/self/cgroup").flatMap(ServiceUnit.init(cgroups:))
        sockets = try ActivatedSocket.all(among: environment.passed)
        inherited = InheritedStore(environment.passed)
        inherited.held = environment.held
    }

    /// What to type once wrong settings are mended; `nil` where no unit runs us. A client that waits at the socket starts
    /// the service again and again, until the manager gives the socket up: so both are named.
    var wayBack: String? {
        guard let unit else { return nil }
        let units = sockets.isEmpty ? unit.name : "\(unit.socketName) \(unit.name)"
        return "when it is mended, type: systemctl restart \(units)"
    }
}
