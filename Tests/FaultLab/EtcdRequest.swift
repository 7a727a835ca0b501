import Foundation
import GatewayTesting
import Glibc

/// What etcd can be asked in JSON over HTTP/1.1, which it serves beside gRPC on its client port.
enum EtcdRequest {
    /// A linearizable read: answered only with a leader and a majority behind it.
    static let read = post("/v3/kv/range", #"{"key":"bGFi"}"#)
    /// The same, and the connection ends with the answer.
    static let readAndClose = post("/v3/kv/range", #"{"key":"bGFi"}"#, closes: true)
    /// A watch of a key that nobody writes: the answer begins at once and then is silent for ever.
    static let silentWatch = post("/v3/watch", #"{"create_request":{"key":"c2lsZW5jZQ=="}}"#)

    /// The bytes of a request.
    static func post(_ path: String, _ json: String, closes: Bool = false) -> [UInt8] {
        let head = [
            "POST \(path) HTTP/1.1", "Host: etcd", "Content-Type: application/json",
            "Content-Length: \(json.utf8.count)",
            closes ? "Connection: close" : "Connection: keep-alive",
        ]
        return Array((head.joined(separator: "\r\n") + "\r\n\r\n" + json).utf8)
    }

    /// Asks the member at `address` directly and returns its whole answer, without any retry.
    static func ask(
        _ address: String, tls: TLSClient?, _ path: String, _ json: String = "{}", within limit: Duration = .seconds(2)
    ) async throws -> HTTPAnswer {
        let result = await withCheckedContinuation { continuation in
            Thread {
                continuation.resume(
                    returning: Result { try askBlocking(address, tls, post(path, json, closes: true), limit) })
            }.start()
        }
        return try result.get()
    }

    private static func askBlocking(
        _ address: String, _ tls: TLSClient?, _ request: [UInt8], _ limit: Duration
    ) throws -> HTTPAnswer {
        let deadline = ContinuousClock.now + limit
        let connection = try Connection(to: address, tls: tls)
        connection.send(request)
        while ContinuousClock.now < deadline {
            var polled = pollfd(fd: connection.descriptor, events: connection.awaited, revents: 0)
            if poll(&polled, 1, 50) > 0 {
                connection.proceed()
            }
            if let answer = HTTPAnswer(connection.received), answer.isComplete { return answer }
            if let ending = connection.ending { throw TestingError("\(address): \(ending)") }
        }
        throw TestingError("\(address): no answer in \(limit)")
    }
}
