internal import Synchronization

/// The facts that loops have told and the control loop has not taken yet. However fast they come, there are never more
/// than addresses that can be dialed, endpoints, and a few.
final class FactBox: Sendable {
    fileprivate struct Content {
        var facts: [LoopFact] = []
        var places: [LoopFact.Subject: Int] = [:]
    }

    private let content = Mutex(Content())

    /// From any thread. True if the box was empty: then somebody has to be told that it is not any more.
    func add(_ facts: [LoopFact]) -> Bool {
        content.withLock { content in
            let wasEmpty = content.facts.isEmpty
            for fact in facts { content.add(fact) }
            return wasEmpty && !facts.isEmpty
        }
    }

    /// All there is, the first subject that was told of first.
    func takeAll() -> [LoopFact] {
        content.withLock { content in
            defer { content = Content() }
            return content.facts
        }
    }
}

extension FactBox.Content {
    fileprivate mutating func add(_ fact: LoopFact) {
        if let place = places[fact.subject] {
            facts[place] = fact
        } else {
            places[fact.subject] = facts.count
            facts.append(fact)
        }
    }
}
