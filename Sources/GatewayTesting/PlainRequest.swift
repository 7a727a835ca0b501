import Foundation

/// One HTTP/1.1 request on a connection of its own, without any retry that could hide a failure: etcd serves such
/// requests on its client port.
public struct PlainRequest: Sendable {
    /// How it went.
    public struct Outcome: Sendable {
        /// When the connection was asked for.
        public let startedAt: ContinuousClock.Instant
        /// When the answer was complete, or the failure known.
        public let endedAt: ContinuousClock.Instant
        /// Why there is no answer with status 200; nil where there is.
        public let failure: String?

        /// Whether a member has answered at all, if only that it cannot: then the connection did what it is for.
        public let isAnswered: Bool

        /// From start to end.
        public var duration: Duration { endedAt - startedAt }
        /// Whether status 200 was answered.
        public var isSuccess: Bool { failure == nil }
    }

    private let address: String
    private let head: String
    private let body: String
    private let limit: Duration

    /// Creates a request for `path` at `address`; `/version` is what a member answers without asking the others.
    public init(_ path: String = "/version", at address: String, within limit: Duration = .seconds(15)) {
        self.address = address
        head = "GET \(path)"
        body = ""
        self.limit = limit
    }

    /// Creates a request that writes a key.
    public init(putting value: String, to key: String, at address: String, within limit: Duration = .seconds(15)) {
        let (key, value) = (Data(key.utf8).base64EncodedString(), Data(value.utf8).base64EncodedString())
        self.address = address
        head = "POST /v3/kv/put"
        body = "{\"key\":\"\(key)\",\"value\":\"\(value)\"}"
        self.limit = limit
    }

    /// Sends it on a thread of its own and returns when it has ended.
    public func run() async -> Outcome {
        await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: runBlocking()) }.start()
        }
    }

    /// Sends it and returns when it has ended.
    func runBlocking() -> Outcome {
        let startedAt = ContinuousClock.now
        var failure: String?
        var isAnswered = false
        do {
            let answer = try answer()
            isAnswered = answer.hasPrefix("HTTP/1.1 ")
            if !answer.hasPrefix("HTTP/1.1 200 ") {
                failure = answer.isEmpty ? "closed without an answer" : "answered: \(answer.prefix(100))"
            }
        } catch {
            failure = "\(error)"
        }
        return Outcome(startedAt: startedAt, endedAt: ContinuousClock.now, failure: failure, isAnswered: isAnswered)
    }

    private func answer() throws -> String {
        let connection = try ClientConnection(to: address, within: limit)
        let lines = "\(head) HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        try connection.send(Array((lines + body).utf8))
        var answer: [UInt8] = []
        while true {
            let bytes = try connection.receive()
            if bytes.isEmpty { return String(decoding: answer, as: UTF8.self) }
            answer += bytes
        }
    }
}
