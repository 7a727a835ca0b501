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

        /// From start to end.
        public var duration: Duration { endedAt - startedAt }
        /// Whether status 200 was answered.
        public var isSuccess: Bool { failure == nil }
    }

    private let address: String
    private let path: String
    private let limit: Duration

    /// Creates a request for `path` at `address`; `/version` is what a member answers without asking the others.
    public init(_ path: String = "/version", at address: String, within limit: Duration = .seconds(15)) {
        self.address = address
        self.path = path
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
        do {
            let answer = try answer()
            if !answer.hasPrefix("HTTP/1.1 200 ") {
                failure = answer.isEmpty ? "closed without an answer" : "answered: \(answer.prefix(100))"
            }
        } catch {
            failure = "\(error)"
        }
        return Outcome(startedAt: startedAt, endedAt: ContinuousClock.now, failure: failure)
    }

    private func answer() throws -> String {
        let connection = try ClientConnection(to: address, within: limit)
        try connection.send(Array("GET \(path) HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\n\r\n".utf8))
        var answer: [UInt8] = []
        while true {
            let bytes = try connection.receive()
            if bytes.isEmpty { return String(decoding: answer, as: UTF8.self) }
            answer += bytes
        }
    }
}
