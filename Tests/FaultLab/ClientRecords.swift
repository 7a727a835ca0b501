/// What the clients have seen, in the order of time. Conclusions are drawn later, by `Measurement`.
struct ClientRecords: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// A request on a connection of its own.
    struct Request: Sendable {
        let startedAt: Instant
        /// Nil while it is neither answered nor failed.
        var endedAt: Instant?
        /// Why there is no good answer.
        var failure: String?
        /// Who has answered.
        var member: UInt64?

        /// Whether a good answer came.
        var isAnswered: Bool { endedAt != nil && failure == nil }
        /// From the first step of connecting to the last byte of the answer.
        var duration: Duration? { endedAt.map { $0 - startedAt } }
    }

    /// Something that happened to a kept or a silent connection.
    struct Event: Sendable {
        enum Kind: Sendable {
            /// A good answer; a watch is answered once, when it begins.
            case answered(member: UInt64?)
            /// An answer that is no success.
            case rejected(status: Int)
            /// The connection ended after at least one good answer.
            case ended(String)
            /// A connection ended before it was of any use.
            case failedAgain(String)
        }

        let at: Instant
        let kind: Kind
    }

    /// Client (a), through the proxy.
    var requests: [Request] = []
    /// The same straight to the members, where a fault asks for the comparison.
    var directRequests: [Request] = []
    /// Client (b).
    var kept: [Event] = []
    /// Client (c).
    var silent: [Event] = []
    /// How late the lab itself was, and when: a machine that is too busy measures itself.
    var lateness: [(at: Instant, by: Duration)] = []
}
