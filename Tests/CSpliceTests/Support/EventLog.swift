import CSplice
import Glibc

/// An event, and the loop it came from.
struct LoggedEvent: Sendable, CustomStringConvertible {
    let loop: Int
    let event: csp_event

    var description: String {
        """
        loop \(loop): kind \(event.kind.rawValue) session \(String(event.session, radix: 16)) \
        attempt \(event.attempt) error \(event.error) reason \(event.reason.rawValue) \
        up \(event.bytes_up) down \(event.bytes_down)
        """
    }
}

/// Everything the loops of a plane said, in order of arrival.
final class EventLog: Sendable {
    private let events = Guarded<[LoggedEvent]>([])

    /// No event that a test waits for came in time.
    struct Missing: Error, CustomStringConvertible {
        let seen: [LoggedEvent]
        var description: String { "missing event; seen: \(seen.suffix(20))" }
    }

    /// How many events there were so far: a place from which to look on.
    var mark: Int { events.withLock { $0.count } }

    func append(_ event: LoggedEvent) { events.withLock { $0.append(event) } }

    func count(of kind: csp_event_kind) -> Int { events.withLock { $0.count { $0.event.kind == kind } } }

    func all(of kind: csp_event_kind) -> [LoggedEvent] { events.withLock { $0.filter { $0.event.kind == kind } } }

    /// Waits for the first event of a kind after a mark.
    func first(
        _ kind: csp_event_kind, after mark: Int = 0, within duration: Duration = Deadline.usual,
        where matches: (csp_event) -> Bool = { _ in true }
    ) throws -> LoggedEvent {
        let deadline = Deadline(in: duration)
        while true {
            let seen = events.withLock { $0 }
            if let found = seen.dropFirst(mark).first(where: { $0.event.kind == kind && matches($0.event) }) {
                return found
            }
            guard !deadline.hasPassed else { throw Missing(seen: seen) }
            usleep(200)
        }
    }

    /// Waits for the end of a session.
    func end(of session: csp_session, within duration: Duration = Deadline.usual) throws -> csp_event {
        try first(.CSP_EVENT_ENDED, within: duration) { $0.session == session }.event
    }
}
