/// How far a probe came before it failed.
public enum ProbeStage: Comparable, Sendable {
    /// The connection was not established.
    case dialing
    /// It was established; nothing came back on it.
    case connected
    /// The TLS handshake was done; no answer came after it.
    case secured
}

/// What one probe found.
public enum ProbeOutcome: Hashable, Sendable {
    /// Somebody listens: the kernel at least.
    case connected
    /// A TLS record came back: the process runs.
    case tlsAnswered
    /// The member says how it is.
    case http(HTTPHealth)
    /// Something answered, but not what was asked for: it proves no more than that the process runs.
    case unusable(UnusableAnswer)
    /// No answer. ``DialFailure/refused`` after ``ProbeStage/dialing`` means that the connection was closed.
    case failed(DialFailure, ProbeStage)
}

/// What a member says about itself.
public enum HTTPHealth: Hashable, Sendable {
    /// It can serve.
    case healthy
    /// It runs and cannot serve.
    case unhealthy(UnhealthyReason)
}

/// Why a member that answers cannot serve.
public enum UnhealthyReason: Hashable, Sendable {
    /// It knows no leader.
    case noLeader
    /// It does not vote yet, and refuses most requests.
    case learner
    /// Its data differs from the other members' (the CORRUPT alarm).
    case corrupt
    /// It cannot read through the cluster.
    case readFailed
    /// It said something that we do not know, or nothing (etcd 3.4 gives no reason).
    case said(String)
    /// It answers with this HTTP error, having answered well before.
    case status(Int)
}

/// What came instead of an answer about health.
public enum UnusableAnswer: Hashable, Sendable {
    /// An HTTP answer with this status that says nothing about health.
    case status(Int)
    /// No HTTP.
    case notHTTP
    /// An HTTP or TLS error that says: speak TLS here.
    case wantsTLS
    /// No TLS.
    case notTLS
    /// The TLS handshake was refused, as where a client certificate is wanted and we have none or a wrong one.
    case tlsRefused
    /// The server's certificate does not come from the authority that we trust.
    case untrusted
    /// TLS answered, and more could not be asked: our own certificate, key or authority cannot be read.
    case noTLSFiles
    /// More than a probe reads.
    case tooLong
}

extension UnusableAnswer {
    /// Whether, as the answer to an `https` probe, it proves that TLS works there.
    var provesTLS: Bool {
        switch self {
        case .status, .notHTTP, .tlsRefused, .untrusted, .noTLSFiles, .tooLong: true
        case .wantsTLS, .notTLS: false
        }
    }
}

extension UnhealthyReason: CustomStringConvertible {
    /// A few words that follow "is unhealthy: ".
    public var description: String {
        switch self {
        case .noLeader: "no leader"
        case .learner: "a learner, not a voting member"
        case .corrupt: "its data is corrupt"
        case .readFailed: "reading through the cluster fails"
        case .said(let text): text.isEmpty ? "no reason given" : printable(text)
        case .status(let status): "HTTP status \(status)"
        }
    }
}

extension UnusableAnswer: CustomStringConvertible {
    /// A few words that follow "the health check got ".
    public var description: String {
        switch self {
        case .status(let status): "HTTP status \(status), which says nothing about health"
        case .notHTTP: "something that is no HTTP"
        case .wantsTLS: "a demand for TLS"
        case .notTLS: "something that is no TLS"
        case .tlsRefused: "a refusal of the TLS handshake; is a client certificate wanted?"
        case .untrusted: "a server certificate of another authority"
        case .noTLSFiles: "TLS, and nothing more: our own certificate files cannot be read"
        case .tooLong: "too long an answer"
        }
    }
}
