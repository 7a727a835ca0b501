import CSplice
import Glibc

/// An address that never answers a dial: its backlog is full, so the kernel drops every further SYN.
final class SilentServer: Sendable {
    let server: UpstreamServer
    private let fillers: [Peer]

    var address: csp_address { server.address }

    init() throws {
        let server = try UpstreamServer(backlog: 0)
        var fillers: [Peer] = []
        let deadline = Deadline()
        while try server.backlog().waiting <= server.backlog().limit {
            guard !deadline.hasPassed else { throw SocketFailure.timedOut(operation: "fill a backlog") }
            fillers.append(try Peer(connectedTo: .ip(server.address)))
        }
        self.server = server
        self.fillers = fillers
    }

    /// Makes room, and returns the first connection that was not one of the fillers: a dialer's next SYN is answered.
    func answer() throws -> Peer {
        for _ in fillers { _ = try server.accept() }
        return try server.accept()
    }
}
