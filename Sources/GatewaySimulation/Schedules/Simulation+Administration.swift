import Gateway
import GatewayTesting

// What an administrator does meanwhile: other settings, and endpoints that are taken out of service.
extension Simulation {
    mutating func administration() {
        guard now < Self.faultsEnd else { return }
        switch Int.random(in: 0..<6, using: &generator) {
        case 0, 1: takeOut()
        case 2: for key in machine.drainedEndpoints { putBack(key) }
        case 3: if !cluster.isDiscovered { toggleMember() }
        default: break
        }
        if Bool.random(using: &generator) { changeOptions() }
        reload()
        queue.add(.administration, due: now + .milliseconds(Int.random(in: 1...5_000, using: &generator)))
    }

    /// In the calm everybody serves, the settings name who is listed, and nobody's sessions stay at a place that is dead.
    mutating func endAdministration() {
        options.resetsSessionsOfDead = true
        for key in machine.drainedEndpoints { putBack(key) }
        reload()
    }

    private mutating func takeOut() {
        guard let key = machine.endpoints.all.randomElement(using: &generator)?.declaration.key else { return }
        let grace = Duration.seconds(Int.random(in: 0...5, using: &generator))
        let (verdict, actions) = machine.drained(key, within: grace, at: now, using: &generator)
        if verdict == .unknown { violate("\(key) is not known") }
        perform(actions)
    }

    private mutating func putBack(_ key: EndpointKey) {
        perform(machine.undrained(key, at: now, using: &generator).1)
    }

    private mutating func toggleMember() {
        let index = Int.random(in: cluster.members.indices, using: &generator)
        cluster.members[index].isListed.toggle()
        if !cluster.members.contains(where: \.isListed) { cluster.members[index].isListed = true }
        cluster.publish()
    }

    private mutating func changeOptions() {
        options.policy = Policy.allCases.randomElement(using: &generator) ?? .pinned
        options.rebalance = Bool.random(using: &generator) ? Int.random(in: 1...600, using: &generator) : 0
        options.retryDelay = .seconds(Int.random(in: 1...15, using: &generator))
        options.names.maximumTTL = .seconds(Int.random(in: 2...20, using: &generator))
        options.healthInterval = Bool.random(using: &generator) || options.policy == .fastest ? .seconds(5) : nil
        options.removalGrace = .seconds(Int.random(in: 0...10, using: &generator))
        options.resetsSessionsOfDead = Bool.random(using: &generator)
    }

    private mutating func reload() {
        if !options.endpointsAreDefault, !cluster.isDiscovered {
            options.endpoints = cluster.members.filter(\.isListed).map { Self.configured($0, in: cluster) }
        }
        let before = machine.endpoints.all
        perform(machine.reconfigured(options, at: now, using: &generator))
        for member in before where machine.endpoints[member.declaration.key].map({ $0.id != member.id }) ?? true {
            violate("\(member.declaration.key) has lost its number")
        }
    }
}
