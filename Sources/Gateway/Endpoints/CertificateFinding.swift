/// What came of looking at the certificate of a discovered endpoint.
public enum CertificateFinding: Hashable, Sendable {
    /// It comes from our authority and is valid for the name, until this many seconds after 1970 (UTC).
    case verified(notAfter: Int64)
    /// The server answered, and must not be used: one line that says why.
    case refused(String)
    /// No certificate was seen. ``DialFailure/refused`` after ``ProbeStage/dialing`` means that the connection was closed,
    /// as a server does that does not speak TLS; ``DialFailure/local`` that our own file or descriptors are the trouble.
    case unreachable(DialFailure, ProbeStage)
}
