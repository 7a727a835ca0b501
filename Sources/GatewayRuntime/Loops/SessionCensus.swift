internal import CSplice
internal import Gateway
internal import Synchronization

/// Gathers the sessions of all loops. Each loop adds its own, a few at a time; the last one to finish delivers.
final class SessionCensus: Sendable {
    /// Sessions of a loop, as C tells them.
    struct Found: Sendable {
        var loop: Int
        var session: csp_session_summary
    }

    /// More are not gathered: a list that long is for nobody, and it takes memory.
    static let atMost = 100_000

    private struct State {
        var found: [Found] = []
        var loopsLeft: Int
    }

    private let state: Mutex<State>
    private let deliver: @Sendable ([Found]) -> Void

    /// A census of so many loops. The result is delivered once, on the thread of a loop; at once where there is none.
    init(loops: Int, deliver: @escaping @Sendable ([Found]) -> Void) {
        state = Mutex(State(loopsLeft: loops))
        self.deliver = deliver
        if loops == 0 { deliver([]) }
    }

    /// Some sessions of a loop. False: there are enough, the loop can finish.
    func add(_ sessions: some Sequence<csp_session_summary>, of loop: Int) -> Bool {
        state.withLock { state in
            state.found += sessions.map { Found(loop: loop, session: $0) }
            return state.found.count < Self.atMost
        }
    }

    /// A loop has no more.
    func finished() {
        let found = state.withLock { state -> [Found]? in
            state.loopsLeft -= 1
            return state.loopsLeft == 0 ? state.found : nil
        }
        if let found { deliver(found) }
    }
}

/// What a census has found, to be put into words and sorted by whoever has the time: not by a loop.
struct SessionFindings: Sendable {
    var found: [SessionCensus.Found] = []
    /// The names of endpoints by their numbers.
    var endpoints: [UInt32: String] = [:]
    /// When all this was so.
    var at = Instant.zero

    /// The first of them in this order.
    func list(by order: SessionOrder, limit: Int) -> SessionList {
        SessionList(found.map { SessionSummary($0, endpoints: endpoints, at: at) }, by: order, limit: limit)
    }
}

extension SessionSummary {
    /// A session in the words of the status. An endpoint without a name has been forgotten.
    init(_ found: SessionCensus.Found, endpoints: [UInt32: String], at now: Instant) {
        let session = found.session
        let client = session.is_unix ? "unix" : "\(SocketAddress(session.client))"
        let accepted = Instant(nanoseconds: Int64(clamping: session.accepted_at_ns))
        let isJoined = session.endpoint != CSP_ENDPOINT_NONE
        self.init(
            number: session.session, loop: found.loop, client: client,
            endpoint: isJoined ? endpoints[session.endpoint] ?? "a removed endpoint" : "",
            state: State(session.state), age: max(.zero, now - accepted),
            idle: session.idle_ms == .max ? nil : .milliseconds(Int64(clamping: session.idle_ms)),
            bytesUp: session.bytes_up, bytesDown: session.bytes_down)
    }
}

extension SessionSummary.State {
    fileprivate init(_ state: csp_session_state) {
        switch state {
        case .CSP_SESSION_DIALING: self = .dialing
        case .CSP_SESSION_OPEN: self = .open
        case .CSP_SESSION_CLIENT_DONE: self = .clientDone
        case .CSP_SESSION_ENDPOINT_DONE: self = .endpointDone
        }
    }
}
