internal import CLinux
internal import Gateway
internal import Glibc

/// What this process may use, and how it is shared out.
enum Limits {
    /// With fewer descriptors than this there is no room for one session beside our own.
    private static let descriptorsMin: UInt64 = 32
    /// What is not for sessions: standard streams, loops, timers, signals, name servers, probes, the admin server.
    private static let reserveMax: UInt64 = 128
    /// The share of the soft limit's pages that we use: what other programs of the same user have is not known.
    private static let pipePagesHidden: UInt32 = 16_384

    // unsafe: the kernel reads or fills one rlimit, which is ours, while the call lasts.
    /// Raises the soft limit of descriptors to the hard one, and returns it.
    static func raiseDescriptors() throws(SystemError) -> UInt64 {
        var limit = rlimit()
        try checkErrno(
            "read the limit of descriptors", unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            // Forbidden by a sandbox, perhaps: then the soft limit is what we have.
            if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        guard limit.rlim_cur >= descriptorsMin else {
            throw SystemError(
                EMFILE, "run with a limit of \(limit.rlim_cur) descriptors (at least \(descriptorsMin) are needed)")
        }
        return UInt64(limit.rlim_cur)
    }

    /// How many descriptors sessions and pipes may take: all but a reserve of a tenth, at least 24 and at most 128.
    static func descriptorsForSessions(of limit: UInt64) -> UInt32 {
        UInt32(clamping: min(limit - reserve(of: limit), 1 << 30))
    }

    /// So many clients each listener of the admin server has at most.
    static let adminClientsMax = 32

    /// How many clients each listener of the admin server may have: a quarter of the reserve, for both must leave the rest to
    /// those who find and probe endpoints.
    static func adminClients(of limit: UInt64) -> Int { min(adminClientsMax, Int(reserve(of: limit) / 4)) }

    private static func reserve(of limit: UInt64) -> UInt64 { max(24, min(reserveMax, limit / 10)) }

    /// The loops where nothing is said: one for each CPU that we may use, at most 4.
    static func defaultLoops() -> UInt32 {
        UInt32(min(4, clinux_processors()))
    }

    /// Pages for all pipes: 7/8 of what an unprivileged user may have without shrinking (pipe(7)); 0 there means no limit.
    static func pipePages() -> UInt32 {
        let text = SystemFile.read("/proc/sys/fs/pipe-user-pages-soft")
        let soft = text.flatMap { UInt32($0.split(separator: "\n").first ?? "") } ?? pipePagesHidden
        let pages = soft == 0 ? pipePagesHidden : min(soft, 1 << 20)
        return pages - pages / 8
    }
}
