/// One of the clients that a `ClientLoop` runs. It belongs to the loop's thread.
protocol LabClient: AnyObject {
    /// What is to be polled.
    var connections: [Connection] { get }

    /// Looks at its connections, does what is due, and says when it wants to be asked again at the latest.
    func advance(at now: ContinuousClock.Instant, _ records: inout ClientRecords) -> ContinuousClock.Instant
}

/// Where clients connect to.
struct ClientTarget: Sendable {
    let address: String
    let tls: TLSClient?

    /// A connection with a request under way.
    func connection(sending request: [UInt8]) -> Connection? {
        // Creating one fails only where this machine has no socket left, and then the next attempt shows it.
        let connection = try? Connection(to: address, tls: tls)
        connection?.send(request)
        return connection
    }
}
