internal import Gateway
internal import NIOCore
internal import NIOHTTP1

/// What the admin server sends back, ready to be sent to many.
struct AdminAnswer: Sendable {
    let status: HTTPResponseStatus
    let headers: HTTPHeaders
    let body: ByteBuffer

    init(status: Int, type: String, body text: String) {
        self.status = HTTPResponseStatus(statusCode: status)
        body = ByteBuffer(string: text)
        headers = [
            "content-type": type, "content-length": String(body.readableBytes), "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            // The page needs its own style and script, and nothing from anywhere else.
            "content-security-policy":
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:",
        ]
    }

    static func text(_ text: String, status: Int = 200) -> AdminAnswer {
        AdminAnswer(status: status, type: "text/plain; charset=utf-8", body: text + "\n")
    }

    static func json(_ json: JSON) -> AdminAnswer {
        AdminAnswer(status: 200, type: "application/json", body: "\(json)\n")
    }

    static func refusal(_ refusal: AdminRefusal) -> AdminAnswer { text(refusal.text, status: refusal.status) }

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
