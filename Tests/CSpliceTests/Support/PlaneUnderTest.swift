import CSplice
import Glibc
import Synchronization

/// A plane with a thread for each loop, a server behind it and a listener before it.
final class PlaneUnderTest: Sendable {
    let log = EventLog()
    let server: UpstreamServer
    let entrance: Destination
    let listener: UInt32
    let loops: [LoopThread]
    private let handle: PlaneHandle
    private let isRunning = Atomic(true)

    struct PlaneHandle: @unchecked Sendable {  // csp_plane_ functions: any one thread at a time, the test's
        let pointer: OpaquePointer
    }

    /// A call of the data plane answered with a negative errno.
    struct Refused: Error, Equatable {
        let errno: Int32
    }

    enum Entrance {
        case ipv4, ipv6, unix
    }

    fileprivate init(
        loops count: UInt32, entrance: Entrance, server: UpstreamServer, configure: (inout csp_options) -> Void,
        handler: @escaping EventHandler
    ) throws {
        signal(SIGPIPE, SIG_IGN)
        var options = csp_options_default()
        options.loops = count
        configure(&options)
        var plane: OpaquePointer?
        let result = csp_plane_create(&options, &plane)
        guard result == 0, let plane else { throw Refused(errno: -result) }
        let log = log
        let listening: (UInt32, Destination)
        do {
            listening = try openListener(plane, at: entrance)
        } catch {
            csp_plane_destroy(plane)
            throw error
        }
        handle = PlaneHandle(pointer: plane)
        (listener, self.entrance) = listening
        self.server = server
        loops = (0..<count).map { index in
            let loop = LoopHandle(pointer: csp_plane_loop(plane, index), index: Int(index))
            return LoopThread(loop, log: log, handler: handler)
        }
    }

    /// The plane, for csp_plane_ functions.
    var plane: OpaquePointer { handle.pointer }

    /// Ends the threads and destroys the plane.
    func destroy() {
        guard isRunning.exchange(false, ordering: .relaxed) else { return }
        for loop in loops { loop.stop() }
        csp_plane_destroy(plane)
        if case .unix(let path) = entrance { unlink(path) }
    }

    /// What all loops together have counted.
    func total(_ counter: (csp_loop_counters) -> UInt64) -> UInt64 {
        loops.reduce(0) { $0 + counter($1.handle.counters()) }
    }

    /// A new listener and where it is.
    func listen(_ entrance: Entrance) throws -> (UInt32, Destination) {
        try openListener(plane, at: entrance)
    }

    /// A client, the server's end of its connection, and the session between them.
    func open(
        through door: Destination? = nil, receiveBuffer: Int32? = nil, sendBuffer: Int32? = nil
    ) throws -> OpenSession {
        let mark = log.mark
        let client = try Peer(
            connectedTo: door ?? entrance, receiveBuffer: receiveBuffer, sendBuffer: sendBuffer)
        let upstream = try server.accept()
        let opened = try log.first(.CSP_EVENT_OPENED, after: mark)
        return OpenSession(client: client, upstream: upstream, loop: opened.loop, number: opened.event.session)
    }

    /// Runs the body on the thread of the session's loop.
    func perform<Value: Sendable>(
        on session: OpenSession, _ body: @escaping @Sendable (LoopHandle) -> Value
    ) -> Value {
        loops[session.loop].perform(body)
    }
}

/// A session as seen from its three sides.
struct OpenSession: Sendable {
    let client: Peer
    let upstream: Peer
    var loop: Int
    var number: csp_session
}

/// Runs the body with a plane whose sessions are dialed to its server as soon as they are accepted.
func withPlane<Value>(
    loops: UInt32 = 1, entrance: PlaneUnderTest.Entrance = .ipv4, server: UpstreamServer? = nil,
    configure: (inout csp_options) -> Void = { _ in }, _ body: (PlaneUnderTest) throws -> Value
) throws -> Value {
    let server = try server ?? UpstreamServer()
    let address = server.address
    return try withPlane(
        loops: loops, entrance: entrance, server: server, configure: configure,
        handler: { loop, event in
            guard event.kind == .CSP_EVENT_ACCEPTED else { return }
            let result = loop.dial(event.session, address)
            precondition(result == 0 || result == -ENOENT, "dial: \(result)")
        }, body)
}

/// Runs the body with a plane whose events go to the handler, and destroys the plane afterwards.
func withPlane<Value>(
    loops: UInt32 = 1, entrance: PlaneUnderTest.Entrance = .ipv4, server: UpstreamServer? = nil,
    configure: (inout csp_options) -> Void = { _ in }, handler: @escaping EventHandler,
    _ body: (PlaneUnderTest) throws -> Value
) throws -> Value {
    let plane = try PlaneUnderTest(
        loops: loops, entrance: entrance, server: server ?? UpstreamServer(), configure: configure, handler: handler)
    defer { plane.destroy() }
    return try body(plane)
}

/// A path for a unix socket that nobody else uses.
func freshSocketPath() -> String {
    "/tmp/csplice-\(getpid())-\(UInt64.random(in: 0 ... .max)).sock"
}

private func openListener(
    _ plane: OpaquePointer, at entrance: PlaneUnderTest.Entrance
) throws -> (UInt32, Destination) {
    guard entrance != .unix else {
        let path = freshSocketPath()
        let result = csp_plane_listen_unix(plane, path, 0o600)
        guard result >= 0 else { throw PlaneUnderTest.Refused(errno: -result) }
        return (UInt32(result), .unix(path))
    }
    var address = entrance == .ipv4 ? csp_address.loopback4() : csp_address.loopback6()
    let result = csp_plane_listen(plane, &address)
    guard result >= 0 else { throw PlaneUnderTest.Refused(errno: -result) }
    let found = csp_plane_listener_address(plane, UInt32(result), &address)
    guard found == 0 else { throw PlaneUnderTest.Refused(errno: -found) }
    return (UInt32(result), .ip(address))
}
