import Foundation
import Synchronization

/// Several clients that send one `PlainRequest` after the other, each on a new connection, until told to stop.
public final class RequestLoop: Sendable {
    private struct State {
        var outcomes: [PlainRequest.Outcome] = []
        var isStopped = false
        var runningClients = 0
    }

    private let state: Mutex<State>

    /// Starts `clients` threads, each of which rests for `pause` between its requests.
    public init(_ request: PlainRequest, clients: Int = 4, pause: Duration = .zero) {
        state = Mutex(State(runningClients: clients))
        for _ in 0..<clients {
            // Not kept alive by its threads: a test that fails before `stop` ends them as well.
            Thread { [weak self] in
                while self?.runUnlessStopped(request) ?? false {
                    if pause > .zero { Thread.sleep(forTimeInterval: pause / .seconds(1)) }
                }
            }.start()
        }
    }

    /// What has ended so far.
    public var outcomes: [PlainRequest.Outcome] { state.withLock { $0.outcomes } }

    /// Waits until this many requests that were started after `instant` have ended.
    public func wait(for count: Int, startedAfter instant: ContinuousClock.Instant) async throws {
        try await eventually("\(count) requests were answered or failed") {
            outcomes.count { $0.startedAt > instant } >= count
        }
    }

    /// Lets each client finish its request and returns all that was done.
    public func stop() async throws -> [PlainRequest.Outcome] {
        state.withLock { $0.isStopped = true }
        try await eventually("all clients have finished", within: .seconds(60)) {
            state.withLock { $0.runningClients == 0 }
        }
        return outcomes
    }

    private func runUnlessStopped(_ request: PlainRequest) -> Bool {
        let isStopped = state.withLock { state in
            if state.isStopped { state.runningClients -= 1 }
            return state.isStopped
        }
        guard !isStopped else { return false }
        let outcome = request.runBlocking()
        state.withLock { $0.outcomes.append(outcome) }
        return true
    }
}
