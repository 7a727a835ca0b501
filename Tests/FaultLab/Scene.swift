import GatewayTesting
import Glibc

/// One fault in the making: what it is done to, and how it is done and undone.
final class Scene {
    /// The names of members in the lab's zone, for proxies that are told names.
    static let zone = "fault-lab.test"
    /// For how long a name server's answer holds: short, so that a measurement does not take minutes.
    static let nameTTL: UInt32 = 2
    /// Connections that may wait for a stopped member: more than client (a) opens while it is watched, for a full queue
    /// is another fault than a process that does not run; few enough to be filled where that is the fault.
    static let backlog = 384

    let fault: Fault
    let cluster: LabCluster
    var timeline = Timeline()
    /// The number of the last member that came, where members are replaced.
    var newMember: UInt64?

    private let names: NameServer?
    private let relays: [Relay]
    /// What fills a backlog.
    private var waiting: [Connection] = []
    private var learner: (member: LabMember, number: UInt64)?
    /// Which host has which name.
    private var hostsByName: [String: LabHost] = [:]
    /// Hosts that were replaced, and do not come back.
    private var vanished: Set<LabHost> = []

    /// Prepares what must be there before the proxy.
    init(_ fault: Fault, in cluster: LabCluster, names: NameServer?) async throws {
        self.fault = fault
        self.cluster = cluster
        self.names = names
        let members = cluster.members
        switch fault.endpoints {
        case .addresses:
            relays = []
        case .names:
            relays = []
            for (number, member) in members.enumerated() {
                hostsByName["member\(number)"] = member.host
            }
        case .relays:
            relays = try members.enumerated().map { try Relay(to: $1.address, port: 3000 + UInt16($0)) }
        }
        try await publishNames()
        if fault == .learner {
            let member = try await cluster.add(isLearner: true)
            learner = (member, try await cluster.number(of: member))
        }
    }

    /// What the proxy is told.
    var endpoints: [String] {
        switch fault.endpoints {
        case .addresses: (cluster.members + (learner.map { [$0.member] } ?? [])).map(\.address)
        case .names: hostsByName.keys.sorted().map { "\($0).\(Self.zone):\(LabMember.clientPort)" }
        case .relays: relays.map(\.address)
        }
    }

    /// The endpoint that suffers, in the proxy's own words, when `victim` does.
    func endpoint(of victim: LabMember) -> String? {
        switch fault {
        case .learner: learner?.member.address
        case .slow: index(of: victim).map { relays[$0].address }
        case .replaced, .allDown, .spaceAlarm: nil
        default: victim.address
        }
    }

    /// Lets it happen to `victim`, the member that serves the kept session.
    func begin(on victim: LabMember, clients: ClientLoop) async throws {
        let host = victim.host
        switch fault {
        case .killed:
            try await timeline.step { try await victim.kill() }
        case .refused:
            let reset = ["meta l4proto tcp reject with tcp reset"]
            try await timeline.step { try await host.filter(arriving: reset) }
        case .blackholed:
            try await timeline.step { try await host.filter(arriving: ["drop"], leaving: ["drop"]) }
        case .linkDown:
            try await timeline.step { try await host.setLink(isUp: false) }
        case .oneWay:
            try await timeline.step { try await host.filter(leaving: ["drop"]) }
        case .frozen:
            await timeline.step { victim.freeze() }
        case .backlogFull:
            try await timeline.step {
                victim.freeze()
                try fillBacklog(of: victim)
            }
        case .noQuorum:
            let peers = cluster.members.filter { $0 !== victim }.map(\.host.address).joined(separator: ", ")
            try await timeline.step {
                try await host.filter(arriving: ["ip saddr { \(peers) } drop"], leaving: ["ip daddr { \(peers) } drop"])
            }
        case .allDown:
            try await endAndRestartAll(clients)
        case .replaced:
            try await replaceAll()
        case .lossy:
            try await timeline.step { try await host.filter(arriving: ["numgen random mod 100 < 30 drop"]) }
        case .slow:
            await timeline.step {
                if let index = index(of: victim) { relays[index].setDelay(.milliseconds(300)) }
            }
        case .learner:
            await timeline.step {}
        case .spaceAlarm:
            try await timeline.step { try await cluster.setSpaceAlarm(isRaised: true) }
        }
    }

    /// Makes the cluster whole again.
    func undo(on victim: LabMember) async throws {
        waiting = []
        relays.forEach { $0.stop() }
        victim.thaw()
        try await victim.host.setLink(isUp: true)
        for host in vanished.union([victim.host]) {
            try await host.stopFiltering()
        }
        if let learner {
            try await learner.member.kill()
            try await cluster.remove(learner.member, numbered: learner.number)
        }
        if fault == .spaceAlarm {
            try await cluster.setSpaceAlarm(isRaised: false)
        }
        for member in cluster.members where !member.isRunning {
            try member.start()
        }
        try await cluster.waitUntilHealthy()
    }

    private func index(of victim: LabMember) -> Int? {
        cluster.members.firstIndex { $0 === victim }
    }

    /// The kernel answers no further SYN when as many connections wait for `accept` as may.
    private func fillBacklog(of victim: LabMember) throws {
        waiting = try (0..<Self.backlog + 8).map { _ in try Connection(to: victim.address, tls: nil) }
    }

    private func endAndRestartAll(_ clients: ClientLoop) async throws {
        let members = cluster.members
        try await timeline.step {
            for member in members {
                try await member.kill()
            }
        }
        try await Task.sleep(for: .seconds(3))
        for member in members {
            let target = ClientTarget(address: member.address, tls: cluster.tls)
            clients.add { FreshRequests(target, recordedIn: \.directRequests) }
        }
        for member in members {
            try member.start()
        }
    }

    /// Each member's host vanishes, a new member comes on another host, and the name follows.
    private func replaceAll() async throws {
        for name in hostsByName.keys.sorted() {
            guard let old = cluster.members.first(where: { $0.host == hostsByName[name] }) else { continue }
            try await cluster.moveLeadership(awayFrom: old)
            let number = try await cluster.number(of: old)
            try await timeline.step {
                try await old.host.filter(arriving: ["drop"], leaving: ["drop"])
            }
            vanished.insert(old.host)
            try await old.kill()
            try await cluster.remove(old, numbered: number)
            let new = try await cluster.add(avoiding: vanished)
            newMember = try await cluster.number(of: new)
            hostsByName[name] = new.host
            try await publishNames()
            timeline.replacedAt = .now
            // Before the old answer has expired nobody can know the new one.
            try await Task.sleep(for: .seconds(Int(Self.nameTTL) + 1))
        }
    }

    private func publishNames() async throws {
        guard let names, !hostsByName.isEmpty else { return }
        try await names.update(hostsByName.map { .a($0.key, $0.value.address, ttl: Self.nameTTL) })
    }
}
