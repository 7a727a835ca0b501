/// Endpoints that were declared and take part in no plan yet. They join together, once their names are resolved: else the
/// one whose address is known first would be picked, whatever weights and tiers say, and on all machines at once.
package struct Newcomers: Equatable, Sendable {
    /// How long those that are resolved wait for the others.
    static let patience = Duration.milliseconds(200)

    private var waiting: Set<EndpointID> = []
    /// When they join in any case; `nil` while there are none.
    package private(set) var deadline: Instant?

    package func contains(_ id: EndpointID) -> Bool { waiting.contains(id) }

    mutating func declared(_ id: EndpointID, at now: Instant) {
        waiting.insert(id)
        deadline = deadline ?? now + Self.patience
    }

    /// Lets them join when nobody is awaited any more, or patience is over.
    mutating func update(at now: Instant, isAwaited: (EndpointID) -> Bool) {
        guard let deadline, deadline <= now || !waiting.contains(where: isAwaited) else { return }
        self = Newcomers()
    }
}
