internal import NIOCore
internal import Synchronization

/// Places for clients. Whoever comes when all are taken gets that of the one who has done nothing for the longest time: a client
/// that does not ask, or does not read, is in the way of nobody but others like it.
final class AdminPlaces: Sendable {
    private struct Client {
        var channel: any Channel
        var turn: UInt64
    }

    private struct State {
        var clients: [ObjectIdentifier: Client] = [:]
        var turns: UInt64 = 0
    }

    private let state = Mutex(State())
    private let most: Int

    /// So many of them.
    init(_ most: Int) {
        self.most = most
    }

    /// A client comes, or has done something. Who has to go for it is cut off.
    func take(_ channel: any Channel) {
        let last = state.withLock { state -> (any Channel)? in
            state.turns += 1
            state.clients[ObjectIdentifier(channel)] = Client(channel: channel, turn: state.turns)
            guard state.clients.count > most, let last = state.clients.min(by: { $0.value.turn < $1.value.turn })
            else { return nil }
            return state.clients.removeValue(forKey: last.key)?.channel
        }
        last?.close(promise: nil)
    }

    /// It needs its place no more.
    func leave(_ channel: any Channel) {
        state.withLock { $0.clients[ObjectIdentifier(channel)] = nil }
    }
}
