internal import Gateway
internal import Glibc

extension DialFailure {
    /// What the error of a dial says about the endpoint (connect(2), tcp(7), ip(7)).
    init(errno number: Int32) {
        switch number {
        case ECONNREFUSED, ECONNRESET: self = .refused
        case ETIMEDOUT: self = .timedOut
        case EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC, EADDRNOTAVAIL, EADDRINUSE, EAGAIN: self = .local
        default: self = .unreachable  // ENETUNREACH, EHOSTUNREACH, a firewall's EPERM, a family this machine lacks, …
        }
    }
}
