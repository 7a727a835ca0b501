internal import Gateway
internal import Synchronization

/// The spreading policy's memory, shared by all loops so that shares are exact for the whole process. The lock is held for
/// one pick; `pinned` and `fastest` never take it.
final class SessionSpread: Sendable {
    private let rotation = Mutex(Rotation())

    /// The target with which the next client's dial starts.
    func pick(from plan: DialPlan) -> Int {
        guard !plan.policy.isOneForAll, !plan.targets.isEmpty else { return 0 }
        return rotation.withLock { rotation in
            var generator = SystemRandomNumberGenerator()
            return rotation.pick(from: plan, using: &generator)
        }
    }

    /// So many sessions are open; those that are being dialed at this moment may be missing.
    func counted(_ sessions: [EndpointID: Int]) {
        rotation.withLock { $0.counted(sessions) }
    }

    /// A client that was meant for one endpoint was joined to this one, or to none.
    func settled(meantFor meant: EndpointID, joined: EndpointID?) {
        rotation.withLock { $0.settled(meantFor: meant, joined: joined) }
    }

    /// A joined session has ended.
    func ended(on endpoint: EndpointID) {
        rotation.withLock { $0.ended(on: endpoint) }
    }
}
