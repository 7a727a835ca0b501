internal import CSplice
internal import Gateway
internal import Glibc

/// The C plane with its loops, each run by a thread of its own.
///
/// `@unchecked Sendable`: while loops run, what CSplice.h leaves to one thread at a time is called on the control loop.
/// What is for loops at rest is called by the task that runs the service, which alone starts and ends them.
@safe final class DataPlane: @unchecked Sendable {
    let owner: PlaneOwner
    private let options: csp_options
    private let spread: SessionSpread
    /// The loops, by index.
    let runners: [LoopRunner]
    private var threads: [SystemThread] = []

    // unsafe: `owner` keeps the plane for as long as there is this object, which outlives each call. C copies
    // addresses, paths and settings while a call lasts, and fills what is ours. From which thread: see above.
    var plane: OpaquePointer { unsafe owner.plane }

    /// Creates the plane; nothing runs yet.
    init(
        options: csp_options, plan: PublishedPlan, held: HeldClients, accessLog: AccessLog?,
        report: @escaping @Sendable ([LoopFact]) -> Void
    ) throws(SystemError) {
        let owner = try PlaneOwner(options)
        unsafe csp_plane_name_peers(owner.plane, accessLog?.isWanted ?? false)
        spread = SessionSpread()
        let spread = spread
        self.owner = owner
        self.options = options
        runners = (0..<options.loops).map {
            LoopRunner(
                owner: owner, index: $0, plan: plan, spread: spread, held: held, accessLog: accessLog, report: report)
        }
    }

    /// Starts the loops' threads, all or none.
    func start() throws(SystemError) {
        do throws(SystemError) {
            for (index, runner) in runners.enumerated() {
                threads.append(try SystemThread(name: "loop-\(index)") { runner.run() })
            }
        } catch {
            stop()
            throw error
        }
    }

    /// Ends the loops and waits for their threads. What sessions are left is reset when the plane goes.
    func stop() {
        for runner in runners { runner.submit(.stop) }
        for thread in threads { thread.join() }
        threads = []
    }

    /// Goes by these settings, as far as they concern bytes and can change while loops run.
    func change(to settings: Settings) {
        var new = options
        new.take(settings)
        let result = unsafe csp_plane_change(plane, new.max_sessions, new.keepalive_s, new.user_timeout_ms)
        precondition(result == 0, "settings are within what the plane takes")
        unsafe csp_plane_name_peers(plane, settings.accessLog)
    }

    /// Sessions are counted from now on (`least-sessions`): those that are open already count as well.
    func countSessions() {
        var sessions: [EndpointID: Int] = [:]
        for slot in 0..<EndpointSet.slots {
            let id = EndpointID(slot: slot)
            let count = runners.reduce(0) { $0 + $1.sessions(of: id) }
            if count > 0 { sessions[id] = Int(clamping: count) }
        }
        spread.counted(sessions)
    }

    /// Opens an exclusive listener; returns its number.
    func listen(on address: SocketAddress) throws(SystemError) -> UInt32 {
        var system = csp_address(address)
        return UInt32(try check("listen on \(address)", unsafe csp_plane_listen(plane, &system)))
    }

    /// Opens a listener on a unix socket that everybody on this machine may connect to, as to a port.
    func listen(onPath path: String) throws(SystemError) -> UInt32 {
        UInt32(try check("listen on unix://\(path)", unsafe csp_plane_listen_unix(plane, path, 0o666)))
    }

    /// Listens on a socket that somebody else has opened. One such socket serves all loops, as our own do.
    func listen(on socket: ActivatedSocket) throws(SystemError) -> UInt32 {
        UInt32(try check("listen on \(socket.address)", unsafe csp_plane_adopt_listener(plane, socket.descriptor)))
    }

    /// The address a listener is bound to, with the port that the kernel chose; `nil` for a unix socket.
    func address(ofListener listener: UInt32) -> SocketAddress? {
        var address = csp_address()
        guard unsafe csp_plane_listener_address(plane, listener, &address) == 0 else { return nil }
        return SocketAddress(address)
    }

    /// Closes a listener; sessions live on.
    func close(listener: UInt32) {
        _ = unsafe csp_plane_unlisten(plane, listener)  // ENOENT: it is closed already
    }

    /// Joined and dialing sessions of all loops.
    var sessions: UInt64 { runners.reduce(0) { $0 + $1.sessions } }
}

extension csp_options {
    /// What can change while loops run.
    mutating func take(_ settings: Settings) {
        max_sessions = settings.maximumSessions.map { UInt32(clamping: $0) } ?? max_descriptors / 2
        keepalive_s = UInt32(clamping: settings.keepalive.components.seconds)
        user_timeout_ms = UInt32(clamping: (settings.userTimeout ?? .zero).wholeNanoseconds / 1_000_000)
    }
}
