internal import CLinux
internal import Glibc

/// Signals that are waited for by a thread of their own, instead of interrupting another one. The thread sleeps in poll(2) until
/// one has come, and takes it in a second step: who is asleep in sigwait(3) while another thread calls execve(2) may die with a
/// signal in its hands.
struct SignalWatch: ~Copyable {
    // unsafe: C reads or fills a set while the call lasts; it belongs to the one who calls.
    /// From now on these signals wait for ``init(_:_:)``, instead of ending the process: in the calling thread, and in all
    /// that it starts later. Called before there is any other.
    static func block(_ signals: [Int32]) {
        var set = set(of: signals)
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)  // fails only for a wrong first argument
    }

    /// Calls, on that thread, whenever one of these signals waits, also for those that have come since they were blocked. What
    /// is called takes one with the function that it is given, and says whether there was one; a signal that nobody takes stays
    /// with the process, whatever program that becomes. It lasts as long as the process.
    init(_ signals: [Int32], _ come: @escaping @Sendable (_ take: () -> Int32?) -> Bool) throws(SystemError) {
        var set = Self.set(of: signals)
        let sight = try checkErrno(
            "wait for signals", unsafe signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK)))
        do throws(SystemError) {
            _ = try SystemThread(name: "signals") { Self.watch(signals, sight, come) }
        } catch {
            _ = close(sight)
            throw error
        }
    }

    private static func watch(_ signals: [Int32], _ sight: Int32, _ come: (_ take: () -> Int32?) -> Bool) -> Never {
        while true {
            var request = pollfd(fd: sight, events: Int16(POLLIN), revents: 0)
            // It fails where memory is short, and where the process was stopped meanwhile.
            let isSeen = unsafe poll(&request, 1, -1) == 1
            let isTaken = come { take(signals) }
            if !isSeen || !isTaken { usleep(10_000) }
        }
    }

    // unsafe: as above.
    /// One that waits for this process, if there is one. That it cannot be taken now is no reason not to ask again.
    private static func take(_ signals: [Int32]) -> Int32? {
        var set = set(of: signals)
        let signal = unsafe clinux_take_signal(&set)
        return signal == 0 ? nil : signal
    }

    // unsafe: as above.
    static func set(of signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal) }
        return set
    }
}
