internal import Gateway
internal import Synchronization

/// The dial plan that holds now. The control loop replaces it; loops look at its version for every client, and take the
/// plan itself only when that has changed.
final class PublishedPlan: Sendable {
    private let current: Mutex<DialPlan>
    private let version = Atomic<UInt64>(1)

    init(_ plan: DialPlan) {
        current = Mutex(plan)
    }

    func publish(_ plan: DialPlan) {
        current.withLock { $0 = plan }
        version.add(1, ordering: .releasing)
    }

    /// A loop's own copy.
    struct Cache {
        fileprivate(set) var plan: DialPlan
        fileprivate(set) var version: UInt64
    }

    func makeCache() -> Cache {
        let version = version.load(ordering: .acquiring)
        return Cache(plan: current.withLock { $0 }, version: version)
    }

    /// Brings the copy up to date; true if it was not.
    func refresh(_ cache: inout Cache) -> Bool {
        guard version.load(ordering: .acquiring) != cache.version else { return false }
        cache = makeCache()
        return true
    }
}
