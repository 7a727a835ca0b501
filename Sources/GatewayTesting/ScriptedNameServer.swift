import Foundation

/// A name server that answers what a test says, which no real server does on command: failures, nonsense, silence.
public final class ScriptedNameServer: Sendable {
    /// What it does with a query.
    public enum Behaviour: Sendable, Equatable {
        /// Answers with those of the records that match the question (names in full: "infra0.example.com").
        case answer([ZoneRecord])
        /// Answers "the name exists, and has no such record".
        case noData
        /// Answers "there is no such name".
        case nameError
        /// Answers "I cannot at the moment".
        case serverFailure
        /// Answers "not to you".
        case refused
        /// Over UDP answers "too long, ask over TCP", over TCP with the records.
        case truncated([ZoneRecord])
        /// Sends back these bytes after the query's identifier, whatever they mean.
        case garbage([UInt8])
        /// Answers a question of each type with what is forged for it, and other types with "no such record".
        case forged([UInt16: ForgedAnswer])
        /// Over UDP answers "too long, ask over TCP", over TCP with these bytes and whatever they mean, and closes.
        case brokenStream([UInt8])
        /// The same, and over TCP sends without an end, as long as somebody reads.
        case endlessStream
        /// Does not answer.
        case silence
    }

    /// A question that was asked.
    public struct Query: Sendable, Equatable {
        /// The name, lower case, without the dot at its end.
        public let name: String
        /// The number of the record type; 33 is SRV.
        public let type: UInt16
        /// Whether it came over TCP.
        public let isOverTCP: Bool
    }

    private let script: NameServerScript
    private let host: String
    private let port: UInt16

    /// Binds a port for UDP and TCP, and answers from then on.
    ///
    /// - Parameters:
    ///   - host: an address of this machine.
    ///   - port: a free one by default; a resolv.conf can only name 53.
    public init(_ behaviour: Behaviour, on host: String = "127.0.0.1", port: UInt16? = nil) throws {
        let script = NameServerScript(behaviour)
        let (datagrams, streams) = try LoopbackSocket.datagramAndStream(on: host, port: port)
        for socket in [datagrams, streams] {
            // So that the threads see that the server was let go.
            socket.setReceiveTimeout(.milliseconds(100))
        }
        self.script = script
        self.host = host
        self.port = datagrams.port
        Thread { Self.serveDatagrams(datagrams, script) }.start()
        Thread { Self.serveStreams(streams, script) }.start()
    }

    deinit {
        script.close()
    }

    /// Its address in the form of `--dns-server`.
    public var address: String { "\(host):\(port)" }

    /// What it does with the next query.
    public var behaviour: Behaviour {
        get { script.behaviour }
        set { script.behaviour = newValue }
    }

    /// All that was asked so far, in order.
    public var queries: [Query] { script.queries }

    private static func serveDatagrams(_ socket: LoopbackSocket, _ script: NameServerScript) {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while !script.isClosed {
            var client = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            withUnsafeMutablePointer(to: &client) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { client in
                    let count = recvfrom(socket.descriptor, &buffer, buffer.count, 0, client, &length)
                    guard count > 0 else { return }
                    guard let reply = script.reply(to: Array(buffer[..<count]), isOverTCP: false) else { return }
                    sendto(socket.descriptor, reply, reply.count, 0, client, length)
                }
            }
        }
    }

    private static func serveStreams(_ socket: LoopbackSocket, _ script: NameServerScript) {
        while !script.isClosed {
            let client = accept(socket.descriptor, nil, nil)
            guard client >= 0 else { continue }
            Thread {
                serveStream(client, script)
                close(client)
            }.start()
        }
    }

    private static func serveStream(_ client: Int32, _ script: NameServerScript) {
        while let head = receive(2, from: client),
            let query = receive(Int(head[0]) << 8 | Int(head[1]), from: client)
        {
            let reply = script.reply(to: query, isOverTCP: true)
            switch script.behaviour {
            case .brokenStream(let bytes): return sendAll(bytes, to: client)
            case .endlessStream: return sendForever(to: client, script)
            default: break
            }
            guard let reply else { continue }
            let framed = DNSMessage.bytes(UInt16(reply.count)) + reply
            guard send(client, framed, framed.count, Int32(MSG_NOSIGNAL)) == framed.count else { return }
        }
    }

    private static func sendAll(_ bytes: [UInt8], to client: Int32) {
        send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    private static func sendForever(to client: Int32, _ script: NameServerScript) {
        let bytes = [UInt8](repeating: 0xFF, count: 65_536)
        while !script.isClosed, send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0 {}
    }

    private static func receive(_ count: Int, from client: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return recv(client, &bytes, count, Int32(MSG_WAITALL)) == count ? bytes : nil
    }
}
