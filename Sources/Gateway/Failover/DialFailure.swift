/// Why one attempt to connect to one address failed.
public enum DialFailure: Error, Hashable, Sendable {
    /// The host answered: nobody listens there (ECONNREFUSED), or it reset the attempt.
    case refused
    /// The network said that there is no way to the host (ENETUNREACH, EHOSTUNREACH, …).
    case unreachable
    /// No answer within the dial timeout.
    case timedOut
    /// This machine ran short of descriptors, memory or ports, or forbade the attempt: it says nothing about the endpoint.
    case local

    /// Only evidence about the endpoint may count against it.
    public var isEvidence: Bool { self != .local }
}
