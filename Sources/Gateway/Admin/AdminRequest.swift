/// What is asked of the admin server, or ordered.
public enum AdminRequest: Equatable, Sendable {
    /// The status page, for people.
    case page
    /// Prometheus' text format.
    case metrics
    /// Whether the program runs.
    case health
    /// Whether clients are served.
    case readiness
    /// ``GatewayStatus`` as JSON.
    case status
    /// ``SessionList`` as JSON.
    case sessions(SessionOrder, limit: Int)
    /// ``Explanation`` as JSON.
    case explanation
    /// Something that changes how the gateway works.
    case order(AdminOrder)
}

/// Something that changes how the gateway works.
public enum AdminOrder: Equatable, Sendable {
    /// Read the settings again.
    case reload
    /// Give an endpoint no new session, and let those that it has end.
    case drain(endpoint: String)
    /// Take that back.
    case undrain(endpoint: String)
    /// Log from this level on.
    case logLevel(LogLevel)
}

/// Why a request is refused.
public struct AdminRefusal: Error, Equatable, Sendable {
    /// HTTP's number for it.
    public var status: Int
    /// One line with what would be right.
    public var text: String

    /// A refusal.
    public init(_ status: Int, _ text: String) {
        self.status = status
        self.text = text
    }
}

extension AdminRequest {
    private static let pagePaths = [
        "/", "/metrics", "/healthz", "/readyz", "/status", "/sessions", "/explain", "/reload", "/drain", "/undrain",
        "/log-level",
    ]

    /// The request that a method and the target of a request line make. HEAD is GET whose body is not sent.
    public init(method: String, target: String) throws(AdminRefusal) {
        let (path, query) = Self.parts(of: target)
        guard Self.pagePaths.contains(path) else {
            throw AdminRefusal(
                404, "there is no \(printable(path)); there are \(Self.pagePaths.joined(separator: ", "))")
        }
        if let reading = try Self.reading(path, query) {
            guard method == "GET" || method == "HEAD" else { throw AdminRefusal(405, "\(path) can be read (GET) only") }
            self = reading
        } else {
            guard method == "POST" else { throw AdminRefusal(405, "\(path) is an order: it takes POST") }
            self = .order(try Self.order(path, query))
        }
    }

    private static func reading(_ path: String, _ query: [String: String]) throws(AdminRefusal) -> AdminRequest? {
        switch path {
        case "/": .page
        case "/metrics": .metrics
        case "/healthz": .health
        case "/readyz": .readiness
        case "/status": .status
        case "/explain": .explanation
        case "/sessions": try sessions(query)
        default: nil
        }
    }

    private static func sessions(_ query: [String: String]) throws(AdminRefusal) -> AdminRequest {
        let word = query["sort"] ?? SessionOrder.age.rawValue
        guard let order = SessionOrder(rawValue: word) else {
            throw AdminRefusal(400, "sort is \(alternatives(SessionOrder.allCases.map(\.rawValue)))")
        }
        let text = query["limit"] ?? String(SessionList.usually)
        guard let limit = Int(decimalDigits: text), 1...SessionList.atMost ~= limit else {
            throw AdminRefusal(400, "limit is a number from 1 to \(SessionList.atMost)")
        }
        return .sessions(order, limit: limit)
    }

    private static func order(_ path: String, _ query: [String: String]) throws(AdminRefusal) -> AdminOrder {
        switch path {
        case "/reload": return .reload
        case "/drain": return .drain(endpoint: try endpoint(query))
        case "/undrain": return .undrain(endpoint: try endpoint(query))
        default:
            guard let level = query["level"].flatMap({ LogLevel(rawValue: $0) }) else {
                throw AdminRefusal(400, "level is \(alternatives(LogLevel.allCases.map(\.rawValue)))")
            }
            return .logLevel(level)
        }
    }

    private static func endpoint(_ query: [String: String]) throws(AdminRefusal) -> String {
        guard let endpoint = query["endpoint"], !endpoint.isEmpty else {
            throw AdminRefusal(400, "endpoint names one, as /status does: /drain?endpoint=infra0.example.com:2379")
        }
        return endpoint
    }

    /// The path, and what stands behind `?`, the last of each name. Text that is not encoded properly stays as it is.
    private static func parts(of target: String) -> (path: String, query: [String: String]) {
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var query: [String: String] = [:]
        for pair in (halves.count > 1 ? halves[1] : "").split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[String(sides[0])] = sides.count > 1 ? decoded(sides[1]) : ""
        }
        return (halves.first.map(String.init) ?? "", query)
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2).compactMap(\.hexadecimalValue)
            guard byte == UInt8(ascii: "%"), digits.count == 2 else {
                bytes.append(byte)
                continue
            }
            bytes.append(digits[0] << 4 + digits[1])
            rest.removeFirst(2)
        }
        return String(validating: bytes, as: UTF8.self) ?? String(text)
    }
}

extension AdminRequest {
    /// Text as it may stand in a query: everything but letters, digits and `-._~:` is escaped.
    public static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = byte.isLetter || byte.isDigit || "-._~:".utf8.contains(byte)
            guard !isPlain else { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.utf8.count == 1 ? "0" : "") + digits
        }.joined()
    }
}
