/// What etcd's HTTP answers say about a member's health (etcd: server/etcdserver/api/etcdhttp/health.go).
public enum HealthAnswer {
    /// What is asked: alarms, leader and a read through the cluster. NOSPACE is excluded, for it concerns the whole
    /// cluster and reads go on; etcd before 3.4.16 does not know the exclusion.
    public static let path = "/health?exclude=NOSPACE"
    /// More than this is no answer of etcd.
    public static let bytesMax = 64 << 10

    /// The longest reason that is kept, in bytes.
    private static let reasonMax = 96

    /// Judges an answer to ``path``: `{"health":"true","reason":""}`, or the same with `false` and a status of 503.
    public static func outcome(status: Int, body: [UInt8]) -> ProbeOutcome {
        switch (status, text(of: "health", in: body)) {
        case (200, "true"): return .http(.healthy)
        case (200, "false"), (503, "false"): break
        case (400, _) where body.contains("HTTPS server"): return .unusable(.wantsTLS)  // so says Go's net/http
        default: return .unusable(.status(status))
        }
        let reason = text(of: "reason", in: body) ?? ""
        // An alarm that was excluded all the same, and nothing else: the member serves.
        return reason == "ALARM NOSPACE" ? .http(.healthy) : .http(.unhealthy(reasonMeant(reason)))
    }

    private static func reasonMeant(_ reason: String) -> UnhealthyReason {
        let bytes = Array(reason.utf8)
        if bytes.contains("NO LEADER") || bytes.contains("NO_LEADER") { return .noLeader }
        if bytes.contains("CORRUPT") { return .corrupt }
        if bytes.contains("ERROR") || bytes.contains("TIMEOUT") { return .readFailed }
        return .said(reason)
    }

    /// The text, or the bare word, that a flat JSON object gives for a key; cut after 96 bytes.
    private static func text(of key: String, in body: [UInt8]) -> String? {
        guard let start = body.end(of: "\"\(key)\"") else { return nil }
        var rest = body[start...].drop(while: \.isJSONSpace)
        guard rest.popFirst() == UInt8(ascii: ":") else { return nil }
        rest = rest.drop(while: \.isJSONSpace)
        guard rest.first == UInt8(ascii: "\"") else {
            return String(decoding: rest.prefix(while: \.isLetter).prefix(reasonMax), as: UTF8.self)
        }
        return String(decoding: rest.dropFirst().prefix { $0 != UInt8(ascii: "\"") }.prefix(reasonMax), as: UTF8.self)
    }
}

/// Whether a member is a learner, for whom `/health` may well say true (etcd 3.4 does).
public enum RoleAnswer {
    /// Asked first: a check of its own, without a read (since 3.5.19 and 3.6.0; 404 before).
    public static let readyPath = "/readyz/non_learner"
    /// Asked where the first is not known.
    public static let metricsPath = "/metrics"
    /// Metrics beyond this are not read (etcd's own are about 100 KiB).
    public static let metricsBytesMax = 1 << 20

    /// What the status of an answer to ``readyPath`` says; `nil` for nothing.
    public static func isLearner(readyStatus: Int) -> Bool? {
        switch readyStatus {
        case 200: false
        case 503: true
        default: nil
        }
    }

    /// What the gauge `etcd_server_is_learner` in the metrics says; `nil` where it is missing.
    public static func isLearner(metrics: [UInt8]) -> Bool? {
        guard let start = metrics.end(of: "\netcd_server_is_learner ") else { return nil }
        switch metrics[start...].prefix(while: { $0 != UInt8(ascii: "\n") }).first {
        case UInt8(ascii: "0"): return false
        case UInt8(ascii: "1"): return true
        default: return nil
        }
    }
}

extension UInt8 {
    fileprivate var isJSONSpace: Bool {
        isBlank || self == UInt8(ascii: "\n") || self == UInt8(ascii: "\r")
    }
}

extension [UInt8] {
    fileprivate func contains(_ text: String) -> Bool { end(of: text) != nil }

    /// The index behind the first occurrence of an ASCII text.
    fileprivate func end(of text: String) -> Int? {
        let wanted = Array(text.utf8)
        guard let first = wanted.first, count >= wanted.count else { return nil }
        for start in 0...(count - wanted.count) where self[start] == first {
            if self[start..<(start + wanted.count)].elementsEqual(wanted) { return start + wanted.count }
        }
        return nil
    }
}
