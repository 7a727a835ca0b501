import Foundation
import Glibc
import Synchronization

/// The thread on which all clients of one measurement live.
final class ClientLoop: Sendable {
    typealias Maker = @Sendable () -> any LabClient

    private struct State {
        var records = ClientRecords()
        var joining: [Maker] = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)

    /// Starts a loop without clients.
    init() {
        let thread = Thread { [self] in
            run()
            ended.signal()
        }
        thread.name = "clients"
        thread.start()
    }

    /// Adds a client; it is made on the loop's thread.
    func add(_ maker: @escaping Maker) {
        state.withLock { $0.joining.append(maker) }
    }

    /// What was seen so far.
    var records: ClientRecords { state.withLock { $0.records } }

    /// Closes all connections, and returns when that is done.
    func stop() {
        state.withLock { $0.isStopped = true }
        ended.wait()
        ended.signal()
    }

    private func run() {
        var clients: [any LabClient] = []
        while true {
            let joining = state.withLock { state -> [Maker]? in
                defer { state.joining = [] }
                return state.isStopped ? nil : state.joining
            }
            guard let joining else { return }
            clients += joining.map { $0() }
            let wantedAt = state.withLock { state in
                let now = ContinuousClock.now
                return clients.map { $0.advance(at: now, &state.records) }.min()
            }
            wait(for: clients.flatMap(\.connections), until: wantedAt)
        }
    }

    /// Waits for something on `connections`, but neither beyond `deadline` nor so long that `add` and `stop` would seem
    /// to hang.
    private func wait(for connections: [Connection], until deadline: ContinuousClock.Instant?) {
        let rest = min(max((deadline ?? .now) - .now, .milliseconds(1)), .milliseconds(50))
        let milliseconds = Int32((rest / .milliseconds(1)).rounded(.up))
        var polled = connections.map { pollfd(fd: $0.descriptor, events: $0.awaited, revents: 0) }
        guard poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return }
        for (connection, entry) in zip(connections, polled) where entry.revents != 0 {
            connection.proceed()
        }
    }
}
