/// What all loops together have done since the process started, and what they hold.
public struct GatewayTraffic: Equatable, Sendable {
    /// Sessions now, those still dialing included.
    public var sessions: UInt64 = 0
    /// Clients that wait because nobody answers.
    public var heldClients = 0
    /// Connections accepted from clients.
    public var accepted: UInt64 = 0
    /// Sessions that were joined to an endpoint.
    public var opened: UInt64 = 0
    /// Sessions that ended, joined or not.
    public var ended: UInt64 = 0
    /// Bytes delivered to endpoints.
    public var bytesUp: UInt64 = 0
    /// Bytes delivered to clients.
    public var bytesDown: UInt64 = 0
    /// Attempts to connect to an endpoint that failed.
    public var dialFailures: UInt64 = 0
    /// How often accept(2) failed.
    public var acceptErrors: UInt64 = 0

    /// Nothing yet.
    public init() {}
}

extension GatewayTraffic {
    var json: JSON {
        .members([
            "sessions": .integer(sessions), "held_clients": .integer(heldClients), "accepted": .integer(accepted),
            "opened": .integer(opened), "ended": .integer(ended), "bytes_up": .integer(bytesUp),
            "bytes_down": .integer(bytesDown), "dial_failures": .integer(dialFailures),
            "accept_errors": .integer(acceptErrors),
        ])
    }

    init(_ json: JSON?) {
        let count = { (name: String) -> UInt64 in json?[name]?.integer() ?? 0 }
        sessions = count("sessions")
        heldClients = json?["held_clients"]?.integer() ?? 0
        accepted = count("accepted")
        opened = count("opened")
        ended = count("ended")
        bytesUp = count("bytes_up")
        bytesDown = count("bytes_down")
        dialFailures = count("dial_failures")
        acceptErrors = count("accept_errors")
    }
}
