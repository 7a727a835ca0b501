// What the log is told: each thing once when it begins, and once when it ends.
extension ControlMachine {
    /// What happens at a place that an endpoint has left is no news about the endpoint.
    func tell(_ id: EndpointID, _ notice: (EndpointKey) -> Notice) -> [Action] {
        guard endpoints.former[id] == nil else { return [] }
        return endpoints[id].map { [.tell(notice($0.declaration.key))] } ?? []
    }

    mutating func tellPlain(_ discovered: [EndpointDeclaration], _ source: DiscoverySource) -> [Action] {
        guard !told.isPlain, discovered.contains(where: { $0.origin == .discoveredPlain }) else { return [] }
        told.isPlain = true
        return [.tell(.discoveryIsPlain(name: source.plain.name))]
    }

    mutating func tellWhoServes(_ plan: DialPlan) -> [Action] {
        let isNobodyLeft = plan.good == 0
        var actions: [Action] = []
        // At the start nobody is known yet, which is no news; that somebody is then is told by the endpoints added.
        if isNobodyLeft != told.nobodyLeft, !isNobodyLeft || !plan.targets.isEmpty {
            told.nobodyLeft = isNobodyLeft
            actions.append(.tell(isNobodyLeft ? .nobodyLeft : .somebodyBack))
        }
        guard options.policy.isOneForAll, !isNobodyLeft, let first = plan.targets.first?.endpoint else {
            return actions
        }
        guard first != told.pinned, let key = endpoints[first]?.declaration.key else { return actions }
        told.pinned = first
        return actions + [.tell(.pinned(key))]
    }

    /// One line for a name, whichever of its questions has trouble.
    mutating func tellTrouble(with question: Question) -> [Action] {
        switch question {
        case .addresses(let name, _): return tellTrouble(with: question.name, standing(ofHost: name))
        case .services:
            guard let source = options.discovery else { return [] }
            return source.questions.sorted().flatMap { tellTrouble(with: $0.name, standing($0, of: source)) }
        }
    }

    private mutating func tellTrouble(with name: String, _ standing: Standing) -> [Action] {
        switch standing {
        case .unsettled: return []
        case .fine: return told.failing.remove(name) == nil ? [] : [.tell(.discoveryRecovered(name: name))]
        case .failing(let reason):
            guard told.failing.insert(name).inserted else { return [] }
            return [.tell(.discoveryFailing(name: name, reason: reason))]
        }
    }

    private enum Standing {
        case unsettled
        case fine
        case failing(String)
    }

    private static let noRecords = "no records"

    /// A host is in trouble when no family has addresses, or when one cannot be asked whose addresses we use. That the host
    /// of a removed endpoint is gone is none.
    private func standing(ofHost name: String) -> Standing {
        let isPresent = endpoints.all.contains { $0.presence == .present && $0.declaration.key.host == .name(name) }
        guard isPresent else { return .unsettled }
        let entries = entries(of: .name(name))
        guard entries.allSatisfy(\.isTried) else { return .unsettled }
        let hasAddresses = entries.contains { $0.good != nil && !$0.isNegative }
        let failure = entries.first { $0.failure != nil && ($0.good != nil || !hasAddresses) }?.failure
        if let failure { return .failing(failure) }
        return hasAddresses ? .fine : .failing(Self.noRecords)
    }

    /// That one of the two services does not exist is no trouble while the other does.
    private func standing(_ question: Question, of source: DiscoverySource) -> Standing {
        guard let entry = names[question], entry.isTried else { return .unsettled }
        if let failure = entry.failure { return .failing(failure) }
        guard entry.isNegative, !source.isGone(question, in: names) else { return .fine }
        return entry.good != nil || source.hasNothing(in: names) ? .failing(Self.noRecords) : .fine
    }
}
