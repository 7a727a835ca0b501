internal import Glibc

/// Two connected unix sockets.
enum SocketPair {
    /// A pair that keeps messages apart, and from nobody else: both ends are the caller's.
    static func sequenced() throws(SystemError) -> [Int32] {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        try checkErrno("create a pair of sockets", unsafe socketpair(AF_UNIX, type, 0, &ends))  // unsafe: it fills two
        return ends
    }
}
