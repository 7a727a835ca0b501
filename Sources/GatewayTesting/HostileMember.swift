import Foundation
import Synchronization

/// An endpoint that behaves as no member does: it accepts, and then harms whoever has connected, probes as well.
public final class HostileMember: Sendable {
    /// What it does with each connection.
    public enum Conduct: Sendable {
        /// Sends without an end, as fast as it is read.
        case sendsForever
        /// Sends the head of an answer to a probe, and then a body without an end.
        case answersForever
        /// Never reads and never sends.
        case neverReads
        /// Resets after so many milliseconds at most, drawn from the seed.
        case resetsAtRandom(seed: UInt64, milliseconds: Int)

        fileprivate var seed: UInt64 {
            if case .resetsAtRandom(let seed, _) = self { return seed }
            return 0
        }
    }

    /// Where it listens, as "127.0.0.1:port".
    public var address: String { "127.0.0.1:\(listener.port)" }
    private let listener: LoopbackSocket
    private let state = Mutex(State())

    private struct State {
        var accepted = 0
        var held: [Int32] = []
        var isClosed = false
    }

    /// Listens from when this returns.
    public init(_ conduct: Conduct) throws {
        listener = try LoopbackSocket(.stream, address: "127.0.0.1", port: FreePort.next())
        listener.setReceiveTimeout(.milliseconds(100))  // so that the thread sees that it was let go
        Thread { [listener, weak self] in
            var generator = SeededGenerator(seed: conduct.seed)
            while true {
                let client = accept(listener.descriptor, nil, nil)
                guard let self, !self.state.withLock({ $0.isClosed }) else {
                    if client >= 0 { close(client) }
                    return
                }
                guard client >= 0 else { continue }
                self.state.withLock { $0.accepted += 1 }
                self.treat(client, conduct, &generator)
            }
        }.start()
    }

    deinit {
        state.withLock { state in
            state.isClosed = true
            for client in state.held { shutdown(client, Int32(SHUT_RDWR)) }
        }
    }

    /// How many connections it has had, probes included.
    public var accepted: Int { state.withLock { $0.accepted } }

    private func treat(_ client: Int32, _ conduct: Conduct, _ generator: inout SeededGenerator) {
        state.withLock { $0.held.append(client) }
        switch conduct {
        case .sendsForever: Self.inBackground { Self.send(forever: [], to: client) }
        case .answersForever:
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000000000\r\n\r\n"
            Self.inBackground { Self.send(forever: Array(head.utf8), to: client) }
        case .neverReads: break
        case .resetsAtRandom(_, let milliseconds):
            let pause = Double.random(in: 0...Double(milliseconds), using: &generator) / 1000
            Self.inBackground { [weak self] in
                Thread.sleep(forTimeInterval: pause)
                self?.forget(client)
                var reset = linger(l_onoff: 1, l_linger: 0)
                setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
                close(client)
            }
        }
    }

    /// Whoever closes a connection forgets it first: its number may be another one's then.
    private func forget(_ client: Int32) {
        state.withLock { $0.held.removeAll { $0 == client } }
    }

    private static func inBackground(_ work: @escaping @Sendable () -> Void) { Thread(block: work).start() }

    private static func send(forever head: [UInt8], to client: Int32) {
        let bytes = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)
        _ = Foundation.send(client, head, head.count, Int32(MSG_NOSIGNAL))
        while Foundation.send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0 {}
        shutdown(client, Int32(SHUT_RDWR))
    }
}
