import Foundation

/// Asks a name server on 127.0.0.1, to see whether it is up and what it serves.
struct DNSClient {
    private let socket: LoopbackSocket
    private let serverPort: UInt16

    init(serverPort: UInt16) throws {
        socket = try LoopbackSocket(.datagram, address: "127.0.0.1", port: 0)
        socket.setReceiveTimeout(.milliseconds(20))  // it blocks one of the few threads of Swift's pool
        self.serverPort = serverPort
    }

    /// The serial number of a zone; nil when there is no authoritative answer in 20 ms.
    func serial(of zone: String) -> UInt32? {
        let identifier = UInt16.random(in: .min ... .max)
        let query = DNSMessage.query(identifier: identifier, name: zone, type: .soa)
        guard var server = try? SocketAddress("127.0.0.1", port: serverPort) else { return nil }
        let sent = server.withPointer { sendto(socket.descriptor, query, query.count, 0, $0, $1) }
        guard sent == query.count else { return nil }

        var answer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = recv(socket.descriptor, &answer, answer.count, 0)
            guard count > 2 else { return nil }
            // Answers to earlier queries, for which nobody waited any more, would else be one behind for ever.
            guard Array(answer[0..<2]) == DNSMessage.bytes(identifier) else { continue }
            return Self.serial(in: Array(answer[..<count]))
        }
    }

    private static func serial(in answer: [UInt8]) -> UInt32? {
        let isAuthoritative = answer.count > 12 && answer[2] & 0x04 != 0
        let hasAnswer = answer.count > 12 && answer[7] == 1
        guard isAuthoritative, hasAnswer, let question = DNSMessage.question(in: answer) else { return nil }
        // The record: a compressed name, type, class, TTL, length; the data: two names, then the serial number.
        let lengthAt = question.end + 2 + 2 + 2 + 4
        guard lengthAt + 2 <= answer.count else { return nil }
        let length = Int(answer[lengthAt]) << 8 | Int(answer[lengthAt + 1])
        let numbers = lengthAt + 2 + length - 20
        guard numbers >= 0, numbers + 20 <= answer.count else { return nil }
        return answer[numbers..<numbers + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
