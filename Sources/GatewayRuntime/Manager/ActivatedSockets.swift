internal import Glibc

/// The listening sockets that a service manager opened for us (sd_listen_fds(3)).
enum ActivatedSockets {
    /// The first passed descriptor (systemd: SD_LISTEN_FDS_START).
    private static let first: Int32 = 3
    /// More are not taken: the data plane has as many listeners.
    private static let most = 32

    /// The descriptors, if they were meant for this process. They belong to the caller.
    static func take(environment: [String: String], ownProcess: Int32 = getpid()) -> [Int32] {
        guard environment["LISTEN_PID"].flatMap(Int32.init) == ownProcess,
            let count = environment["LISTEN_FDS"].flatMap(Int32.init), count > 0, count <= most
        else { return [] }
        return (first..<(first + count)).filter { fcntl($0, F_GETFD) != -1 }
    }
}
