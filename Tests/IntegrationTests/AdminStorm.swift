import Foundation
import GatewayTesting
import Synchronization

/// Clients of the metrics address that send what no client should, as fast as they can, until they are told to stop.
final class AdminStorm: Sendable {
    private static let requests: [String] = [
        // Whole ones, of which nobody reads the answer.
        "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n", "GET /sessions?limit=10000 HTTP/1.1\r\nhost: x\r\n\r\n",
        String(repeating: "GET /status HTTP/1.1\r\nhost: x\r\n\r\n", count: 200),
        // Ones that never end.
        "", "GET /status HTTP/1.1\r\nhost: x\r\n", "POST /reload HTTP/1.1\r\nhost: x\r\ncontent-length: 4000\r\n\r\n",
        // Ones that are too large.
        "GET /\(String(repeating: "a", count: 300_000)) HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" + String(repeating: "x: \(String(repeating: "y", count: 1000))\r\n", count: 200),
        "POST /drain HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n\(String(repeating: "z", count: 100_000))",
        // Ones that are none, and orders that are not taken here.
        "\u{1}\u{2}\u{3}\r\n\r\n", "POST /log-level?level=debug HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /%00%ff?limit=-1&sort=\u{1B}[2J HTTP/1.1\r\nhost: x\r\n\r\n",
    ]
    /// So many connections of each client are left open, whatever becomes of them.
    private static let kept = 20

    private let count = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)

    init(at address: String) {
        for client in 0..<8 {
            Thread { [weak self] in
                var open: [ClientConnection] = []
                var turn = client
                while self?.isOver.load(ordering: .relaxed) == false {
                    guard let connection = try? ClientConnection(to: address, within: .seconds(1)) else { continue }
                    // It may be cut off before it has sent all: that is what should happen.
                    try? connection.send(Array(Self.requests[turn % Self.requests.count].utf8))
                    open.append(connection)
                    if open.count > Self.kept { open.removeFirst() }
                    turn += 1
                    self?.count.add(1, ordering: .relaxed)
                }
            }.start()
        }
    }

    deinit { stop() }

    /// Connections that were made so far.
    var attempts: Int { count.load(ordering: .relaxed) }

    func stop() { isOver.store(true, ordering: .relaxed) }
}
