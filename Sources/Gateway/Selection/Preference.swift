/// The order in which endpoints are preferred: drawn at random by weight, and kept while its reasons hold, so that one
/// endpoint serves all until it fails.
struct Preference: Equatable, Sendable {
    /// What the order depends on.
    struct Candidate: Equatable, Sendable {
        var id: EndpointID
        /// Good and present, good and missing, resting and present, resting and missing.
        var rank: Int
        var priority: UInt16
        var weight: UInt16
    }

    private var candidates: [Candidate] = []
    private(set) var order: [EndpointID] = []

    /// The order for these candidates: by rank, then by tier, then as drawn. Whoever was first stays first while nobody of
    /// a better rank or tier is there.
    mutating func update(_ new: [Candidate], using generator: inout some RandomNumberGenerator) -> [EndpointID] {
        guard new != candidates else { return order }
        let first = order.first
        candidates = new
        order = Self.groups(new).flatMap { group in
            var drawn = WeightedDraw.order(of: group.map(\.weight), using: &generator).map { group[$0].id }
            if let first, let place = drawn.firstIndex(of: first) { drawn.insert(drawn.remove(at: place), at: 0) }
            return drawn
        }
        return order
    }

    /// How many candidates stand in the best group.
    var firstGroupCount: Int { Self.groups(candidates).first?.count ?? 0 }

    private static func groups(_ candidates: [Candidate]) -> [[Candidate]] {
        let sorted = candidates.sorted { ($0.rank, $0.priority, $0.id) < ($1.rank, $1.priority, $1.id) }
        var groups: [[Candidate]] = []
        for candidate in sorted {
            if let last = groups.last?.last, last.rank == candidate.rank, last.priority == candidate.priority {
                groups[groups.count - 1].append(candidate)
            } else {
                groups.append([candidate])
            }
        }
        return groups
    }
}
