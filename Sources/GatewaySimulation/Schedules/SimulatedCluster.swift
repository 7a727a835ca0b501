import Gateway
import GatewayTesting

/// The members behind the gateway, what is listed of them, and what befalls them.
struct SimulatedCluster {
    enum Source: CaseIterable {
        case addresses
        case names
        case discovery
        case discoveryWithFallback
        case insecureDiscovery
    }

    struct Member {
        var number: Int
        var address: SocketAddress
        var isSecure: Bool
        var priority: UInt16
        var weight: UInt16
        var isListed = true

        var name: String { "m\(number).sim" }
    }

    static let secureService = "_etcd-client-ssl._tcp.sim"
    static let plainService = "_etcd-client._tcp.sim"
    static let listener = SocketAddress(ip: .v4(0x7F00_0001), port: 23790)
    static let loopName = "loop.sim"
    /// Mostly alike, as in most zones, and sometimes far apart.
    private static let weights: [UInt16] = [1, 1, 1, 2, 10, 100, 0]

    let source: Source
    var members: [Member] = []
    var hasLoop = false
    var network = SimulatedNetwork()
    var zone = SimulatedZone()
    private var nextHost: UInt32 = 0x0A00_0001

    init(using generator: inout SeededGenerator) {
        source = Source.allCases.randomElement(using: &generator) ?? .names
        zone.timeToLive = .seconds(Int.random(in: 2...20, using: &generator))
        for _ in 0..<Int.random(in: 1...4, using: &generator) { add(at: .zero, using: &generator) }
    }

    var isDiscovered: Bool { source != .addresses && source != .names }

    mutating func add(at now: Instant, using generator: inout SeededGenerator) {
        let isSecure = source == .insecureDiscovery ? Bool.random(using: &generator) : true
        members.append(
            Member(
                number: members.count, address: newAddress(), isSecure: isSecure,
                priority: UInt16.random(in: 0...1, using: &generator),
                weight: Self.weights.randomElement(using: &generator) ?? 1))
        network.set(members[members.count - 1].address, .listening, at: now)
        publish()
    }

    private mutating func newAddress() -> SocketAddress {
        nextHost += 1
        return SocketAddress(ip: .v4(nextHost), port: 2379)
    }

    /// What the zone says follows from who is listed.
    mutating func publish() {
        let listed = members.filter(\.isListed)
        zone.services[Self.secureService] = listed.filter(\.isSecure).map(record) + (hasLoop ? [Self.loopRecord] : [])
        zone.services[Self.plainService] = listed.filter { !$0.isSecure }.map(record)
        zone.addresses = Dictionary(uniqueKeysWithValues: listed.map { ($0.name, [$0.address.ip]) })
        zone.addresses[Self.loopName] = [Self.listener.ip]
    }

    private func record(_ member: Member) -> ServiceRecord {
        ServiceRecord(priority: member.priority, weight: member.weight, port: member.address.port, target: member.name)
    }

    private static let loopRecord = ServiceRecord(priority: 0, weight: 1, port: listener.port, target: loopName)

    mutating func move(_ index: Int, at now: Instant, using generator: inout SeededGenerator) {
        let old = members[index].address
        network.set(old, Bool.random(using: &generator) ? .refusing : .silent, at: now)
        members[index].address = newAddress()
        network.set(members[index].address, .listening, at: now)
        publish()
    }
}

// Faults.
extension SimulatedCluster {
    /// Something happens; not every fault is possible everywhere.
    mutating func suffer(at now: Instant, using generator: inout SeededGenerator) {
        let index = Int.random(in: members.indices, using: &generator)
        switch Int.random(in: 0..<14, using: &generator) {
        case 0...3:
            let behaviour = SimulatedNetwork.Behaviour.allCases.randomElement(using: &generator) ?? .silent
            network.set(members[index].address, behaviour, at: now)
        case 4:
            let behaviour: SimulatedNetwork.Behaviour = Bool.random(using: &generator) ? .silent : .refusing
            for member in members { network.set(member.address, behaviour, at: now) }
        case 5: for member in members { network.set(member.address, .listening, at: now) }
        case 6, 7: zone.mode = SimulatedZone.Mode.allCases.randomElement(using: &generator) ?? .failing
        case 8: zone.mode = .answering
        case 9 where isDiscovered:
            if members.count < 12 { add(at: now, using: &generator) }
        case 10 where isDiscovered:
            members[index].isListed.toggle()
            publish()
        case 11 where source != .addresses: move(index, at: now, using: &generator)
        case 12: network.setShort(true, at: now)
        case 13 where isDiscovered:
            hasLoop.toggle()
            publish()
        default: change(index, using: &generator)
        }
    }

    private mutating func change(_ index: Int, using generator: inout SeededGenerator) {
        if Bool.random(using: &generator) {
            members[index].priority = members[index].priority == 0 ? 1 : 0
        } else {
            members[index].weight = Self.weights.randomElement(using: &generator) ?? 1
        }
        publish()
    }

    /// All faults end: everybody who is listed listens, and names are answered.
    mutating func heal(at now: Instant, using generator: inout SeededGenerator) {
        if !members.contains(where: \.isListed) { members[0].isListed = true }
        publish()
        zone.mode = .answering
        network.setShort(false, at: now)
        for member in members {
            let behaviour: SimulatedNetwork.Behaviour =
                member.isListed ? .listening : Bool.random(using: &generator) ? .refusing : .silent
            network.set(member.address, behaviour, at: now)
        }
    }
}

extension SimulatedCluster: CustomStringConvertible {
    /// Who is listed, who listens, and what the name service does.
    var description: String {
        let members = members.map { member in
            "\(member.name) \(member.address) \(network.behaviour(at: member.address))\(member.isListed ? "" : " unlisted")"
        }
        return "\(source) \(members), names \(zone.mode)\(network.isShort ? ", short" : "")\(hasLoop ? ", loop" : "")"
    }
}
