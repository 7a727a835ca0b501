import Foundation
import Synchronization

/// What happens behind a `ChildProcess`: one thread waits for its end, one collects its output and reaps it. It owns
/// the reading ends.
final class ChildWatcher: Sendable {
    struct State {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var exitStatus: ExitStatus?
    }

    let state = Mutex(State())
    private let pid: pid_t
    private let output: Int32
    private let errors: Int32
    /// Hangs up when the child has ended.
    private let exit: PipeEnds
    private let reaped = DispatchSemaphore(value: 0)

    init(pid: pid_t, output: Int32, errors: Int32, exit: PipeEnds) {
        self.pid = pid
        self.output = output
        self.errors = errors
        self.exit = exit
    }

    func start() {
        Thread { [self] in
            waitForExit()
            close(exit.writing)
        }.start()
        Thread { [self] in
            watch()
        }.start()
    }

    /// Signals only what has not been reaped, for the number of a reaped process may be somebody else's.
    func send(_ signal: Int32) {
        state.withLock { state in
            if state.exitStatus == nil {
                _ = kill(pid, signal)
            }
        }
    }

    func killGroup() {
        state.withLock { state in
            if state.exitStatus == nil {
                _ = kill(-pid, SIGKILL)
                _ = kill(pid, SIGKILL)
            }
        }
    }

    func waitUntilReaped() {
        reaped.wait()
        reaped.signal()
    }

    /// Waits without reaping: the number stays the child's until `reap`.
    private func waitForExit() {
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) == -1 && errno == EINTR {}
    }

    private func watch() {
        for descriptor in [output, errors] {
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        }
        var polled = [output, errors, exit.reading].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while polled[2].revents == 0 {
            guard poll(&polled, nfds_t(polled.count), -1) > 0 else { continue }
            if polled[0].revents != 0, !collect(output, into: \.output) { polled[0].fd = -1 }
            if polled[1].revents != 0, !collect(errors, into: \.errors) { polled[1].fd = -1 }
        }
        // A grandchild may hold the pipes open for ever; what the child itself has written is in them by now.
        _ = collect(output, into: \.output)
        _ = collect(errors, into: \.errors)
        reap()
        for descriptor in [output, errors, exit.reading] {
            close(descriptor)
        }
        reaped.signal()
    }

    /// Takes what there is now, and says whether more may come.
    private func collect(_ descriptor: Int32, into text: WritableKeyPath<State, [UInt8]>) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0 {
                state.withLock { $0[keyPath: text].append(contentsOf: buffer[..<count]) }
            } else {
                return count == -1 && (errno == EAGAIN || errno == EINTR)
            }
        }
    }

    private func reap() {
        state.withLock { state in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
            state.exitStatus = ExitStatus(waitStatus: status)
        }
    }
}
