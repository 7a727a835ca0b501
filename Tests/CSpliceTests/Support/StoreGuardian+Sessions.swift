import GatewayTesting

extension StoreGuardian {
    /// Connects clients to servers through the worker.
    func open(_ count: Int, buffers: Int32? = nil) throws -> [OpenSession] {
        try (0..<count).map { _ in
            let client = try Peer(connectedTo: entrance, receiveBuffer: buffers, sendBuffer: buffers)
            return OpenSession(client: client, upstream: try server.accept(), loop: 0, number: 0)
        }
    }

    /// Sends so many bytes through each, both ways, in random pieces, and compares all.
    func exchangeAll(_ sessions: [OpenSession], count: Int) -> [Worker<Void>] {
        sessions.enumerated().map { index, session in
            Worker { try exchange(over: session, count: count, seed: UInt64(900 + index), rhythm: Rhythm.random) }
        }
    }
}
