internal import Gateway

/// What the admin server can ask for. Each call may come from any thread, and calls back at most once, from any thread.
struct AdminDesk: Sendable {
    /// All that status and metrics show.
    var snapshot: @Sendable (_ receiver: @escaping @Sendable (MetricsSnapshot) -> Void) -> Void
    /// Which endpoint the next client would get.
    var explanation: @Sendable (_ receiver: @escaping @Sendable (Explanation) -> Void) -> Void
    /// The live sessions, as they were found.
    var sessions: @Sendable (_ receiver: @escaping @Sendable (SessionFindings) -> Void) -> Void
    /// What can be ordered.
    var orders = AdminOrders()
}

/// What the admin server can order; an order that nobody carries out is refused. Threads as above.
struct AdminOrders: Sendable {
    /// Called once with what came of an order.
    typealias Receiver = @Sendable (AdminOutcome) -> Void

    /// Read the settings again.
    var reload: (@Sendable (@escaping Receiver) -> Void)?
    /// Give an endpoint no new session.
    var drain: (@Sendable (_ endpoint: String, @escaping Receiver) -> Void)?
    /// Take that back.
    var undrain: (@Sendable (_ endpoint: String, @escaping Receiver) -> Void)?
    /// Log from this level on.
    var setLogLevel: (@Sendable (LogLevel, @escaping Receiver) -> Void)?

    /// The call that carries an order out; `nil` where nobody does.
    func call(for order: AdminOrder) -> (@Sendable (@escaping Receiver) -> Void)? {
        switch order {
        case .reload:
            return reload
        case .drain(let endpoint):
            guard let drain else { return nil }
            return { receiver in drain(endpoint, receiver) }
        case .undrain(let endpoint):
            guard let undrain else { return nil }
            return { receiver in undrain(endpoint, receiver) }
        case .logLevel(let level):
            guard let setLogLevel else { return nil }
            return { receiver in setLogLevel(level, receiver) }
        }
    }
}

/// What came of an order: one line for whoever gave it.
enum AdminOutcome: Equatable, Sendable {
    /// It was carried out.
    case done(String)
    /// It was not, and nothing has changed.
    case refused(String)
}
