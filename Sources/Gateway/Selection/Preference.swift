/// The order in which endpoints are preferred: drawn at random by weight, and kept while its reasons hold, so that one
/// endpoint serves all until it fails.
struct Preference: Equatable, Sendable {
    /// What the order depends on.
    struct Candidate: Equatable, Sendable {
        var id: EndpointID
        /// Good and present, good and missing, just moved, good but taken out of service, resting and present, resting and
        /// missing, resting and taken out of service.
        var rank: Int
        var priority: UInt16
        var weight: UInt16
    }

    private var candidates: [Candidate] = []
    private(set) var order: [EndpointID] = []

    /// The order for these candidates: by rank, then by tier, then as drawn. Whoever was first stays first while nobody of
    /// a better rank or tier is there. Where dial times are given, those that are dialed faster stand before the others of
    /// their tier.
    mutating func update(
        _ new: [Candidate], dialTimes: [EndpointID: Duration] = [:], using generator: inout some RandomNumberGenerator
    ) -> [EndpointID] {
        guard new != candidates else { return order }
        let first = order.first
        candidates = new
        order = Self.groups(new).flatMap { group in
            var drawn = WeightedDraw.order(of: group.map(\.weight), using: &generator).map { group[$0].id }
            if !dialTimes.isEmpty { drawn = Self.sorted(drawn, by: dialTimes) }
            if let first, let place = drawn.firstIndex(of: first) { drawn.insert(drawn.remove(at: place), at: 0) }
            return drawn
        }
        return order
    }

    /// Whoever served before stands first, if he is a candidate then.
    mutating func begin(with id: EndpointID) {
        if order.isEmpty { order = [id] }
    }

    private static func sorted(_ drawn: [EndpointID], by times: [EndpointID: Duration]) -> [EndpointID] {
        let measured = drawn.enumerated().filter { times[$0.element] != nil }
        let sorted = measured.sorted {
            (times[$0.element] ?? .zero, $0.offset) < (times[$1.element] ?? .zero, $1.offset)
        }
        return sorted.map(\.element) + drawn.filter { times[$0] == nil }
    }

    /// Puts the fastest of the best group in front, if it is clearly faster than who stands there. Nobody is judged before
    /// he was measured.
    mutating func preferFastest(_ times: [EndpointID: Duration]) -> [EndpointID] {
        let group = order.prefix(firstGroupCount).filter { times[$0] != nil }
        guard let first = order.first, let usual = times[first],
            let best = group.min(by: { (times[$0] ?? usual) < (times[$1] ?? usual) }), let time = times[best],
            DialTimes.isClearlyFaster(time, than: usual)
        else { return order }
        order.removeAll { $0 == best }
        order.insert(best, at: 0)
        return order
    }

    /// An endpoint goes on under another number.
    mutating func rename(_ old: EndpointID, _ new: EndpointID) {
        for index in candidates.indices where candidates[index].id == old { candidates[index].id = new }
        for index in order.indices where order[index] == old { order[index] = new }
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
