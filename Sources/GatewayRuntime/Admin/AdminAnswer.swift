internal import Gateway
internal import NIOCore
internal import NIOHTTP1

/// What the admin server sends back, in the bytes of HTTP: what is made once can be sent to many.
struct AdminAnswer: Sendable {
    /// Status line and headers, for a connection that goes on, and for one that is closed then.
    private let keptHead: ByteBuffer
    private let lastHead: ByteBuffer
    let body: ByteBuffer

    init(status: Int, type: String, body text: String) {
        body = ByteBuffer(string: text)
        let status = HTTPResponseStatus(statusCode: status)
        // The page needs its own style and script, and nothing from anywhere else.
        let head = """
            HTTP/1.1 \(status.code) \(status.reasonPhrase)\r
            content-type: \(type)\r
            content-length: \(body.readableBytes)\r
            cache-control: no-store\r
            x-content-type-options: nosniff\r
            content-security-policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
            connect-src 'self'; img-src data:\r

            """
        keptHead = ByteBuffer(string: head + "connection: keep-alive\r\n\r\n")
        lastHead = ByteBuffer(string: head + "connection: close\r\n\r\n")
    }

    /// Status line and headers.
    func head(isKeptAlive: Bool) -> ByteBuffer { isKeptAlive ? keptHead : lastHead }

    static func text(_ text: String, status: Int = 200) -> AdminAnswer {
        AdminAnswer(status: status, type: "text/plain; charset=utf-8", body: text + "\n")
    }

    static func json(_ json: JSON) -> AdminAnswer {
        AdminAnswer(status: 200, type: "application/json", body: "\(json)\n")
    }

    static func refusal(_ refusal: AdminRefusal) -> AdminAnswer { text(refusal.text, status: refusal.status) }

    /// What came is not HTTP, or more of it than anybody needs.
    static let misunderstood = text("this is no request of HTTP/1.1", status: 400)

    /// Whoever should have answered did not.
    static let stuck = text("the gateway does not answer: it is stuck, or on its way out", status: 503)

    /// The metrics, with what the process uses at this moment.
    static func metrics(_ snapshot: MetricsSnapshot) -> AdminAnswer {
        var snapshot = snapshot
        snapshot.process = ProcessFigures.read()
        return AdminAnswer(status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: snapshot.text)
    }

    /// 503 tells whoever balances load, or waits for a start, that clients would not be served.
    static func readiness(_ status: GatewayStatus) -> AdminAnswer {
        if status.isReady { return text("ready: \(status.good)/\(status.endpoints.count) endpoints") }
        if status.isStopping { return text("stopping: no client is taken any more", status: 503) }
        return text(status.endpoints.isEmpty ? "no endpoint is known" : "no endpoint answers", status: 503)
    }

    static func page(_ status: GatewayStatus) -> AdminAnswer {
        AdminAnswer(status: 200, type: "text/html; charset=utf-8", body: StatusPage(status).html)
    }

    static func outcome(_ outcome: AdminOutcome) -> AdminAnswer {
        switch outcome {
        case .done(let line): text(line)
        case .refused(let line): text(line, status: 409)
        }
    }
}
