internal import CLinux
internal import Glibc

/// Signals that are waited for by a thread of their own, instead of interrupting another one. The thread sleeps in
/// sigwait(3) until one comes.
struct SignalWatch: ~Copyable {
    // unsafe: C reads or fills a set, and a number, while the call lasts; both belong to the one who calls.
    /// From now on these signals wait for ``init(_:_:)``, instead of ending the process: in the calling thread, and in all
    /// that it starts later. Called before there is any other.
    static func block(_ signals: [Int32]) {
        var set = self.set(of: signals)
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)  // fails only for a wrong first argument
    }

    /// Calls, on that thread, for each signal that comes, and for those that have come since they were blocked. It lasts as
    /// long as the process.
    init(_ signals: [Int32], _ came: @escaping @Sendable (Int32) -> Void) throws(SystemError) {
        let set = Self.set(of: signals)
        _ = try SystemThread(name: "signals") {
            var (set, signal) = (set, Int32(0))
            while true {
                // EINTR aside, which sigwait(3) retries, it fails only for a signal that does not exist; were there one, this
                // thread would ask a thousand times a second, not all the time.
                guard unsafe sigwait(&set, &signal) == 0 else {
                    usleep(1000)
                    continue
                }
                came(signal)
            }
        }
    }

    private static func set(of signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal) }
        return set
    }
}
