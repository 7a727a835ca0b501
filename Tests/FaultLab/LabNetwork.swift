import GatewayTesting

/// The lab's network: a bridge, on whose side the proxy and all clients live, and hosts behind it, a network namespace
/// each.
struct LabNetwork: Sendable {
    /// The address of the side of the clients.
    static let ownAddress = "10.79.0.254"

    let hosts: [LabHost]

    /// Makes the bridge and `count` hosts with addresses from 10.79.0.1 on.
    init(hostCount: Int) async throws {
        try await Self.ip("link set lo up")
        try await Self.ip("link add lab type bridge forward_delay 0")
        try await Self.ip("address add \(Self.ownAddress)/24 dev lab")
        try await Self.ip("link set lab up")
        var hosts: [LabHost] = []
        for number in 0..<hostCount {
            let host = LabHost(name: "host\(number)", address: "10.79.0.\(number + 1)")
            try await host.create()
            hosts.append(host)
        }
        self.hosts = hosts
    }

    /// Runs `ip` with words separated by spaces.
    static func ip(_ words: String) async throws {
        try await run("ip", words.split(separator: " ").map(String.init))
    }

    /// Runs one of the lab's tools to its end, which must be success.
    static func run(_ tool: String, _ arguments: [String], in launcher: [String] = []) async throws {
        let command = try launcher + [ToolBox.tool(tool)] + arguments
        let process = try ChildProcess(command[0], Array(command.dropFirst()))
        guard try await process.waitForExit() == .code(0) else {
            throw TestingError("\(tool) \(arguments.joined(separator: " ")): \(process.errors)")
        }
    }
}

/// A host of the lab: a network namespace with one address.
struct LabHost: Sendable, Hashable {
    let name: String
    let address: String

    /// What a command begins with to run on this host; it is replaced by the command.
    var launcher: [String] { ["/usr/bin/nsenter", "--net=/run/netns/\(name)", "--"] }

    fileprivate func create() async throws {
        try await LabNetwork.ip("netns add \(name)")
        try await LabNetwork.ip("link add \(name) type veth peer name eth0 netns \(name)")
        try await LabNetwork.ip("link set \(name) master lab up")
        try await LabNetwork.ip("-netns \(name) address add \(address)/24 dev eth0")
        try await LabNetwork.ip("-netns \(name) link set eth0 up")
        try await LabNetwork.ip("-netns \(name) link set lo up")
        try await limitBacklog(to: Scene.backlog)
    }

    /// Filters what arrives at this host and what leaves it, by rules of nftables; what stays on the host passes.
    func filter(arriving: [String] = [], leaving: [String] = []) async throws {
        let chains = [
            ("input", [#"meta iif "lo" accept"#] + arriving), ("output", [#"meta oif "lo" accept"#] + leaving),
        ]
        let table = chains.map { hook, rules in
            "chain \(hook) { type filter hook \(hook) priority 0; \(rules.joined(separator: "; ")); }"
        }
        let commands = [
            "add table inet faults", "delete table inet faults",
            "table inet faults { \(table.joined(separator: "; ")); }",
        ]
        try await LabNetwork.run("nft", [commands.joined(separator: "; ")], in: launcher)
    }

    /// Ends all filtering.
    func stopFiltering() async throws {
        try await filter()
    }

    /// Pulls the cable, or puts it back.
    func setLink(isUp: Bool) async throws {
        try await LabNetwork.ip("link set \(name) \(isUp ? "up" : "down")")
    }

    /// How many connections may wait for `accept` at a listener that is opened from now on.
    private func limitBacklog(to count: Int) async throws {
        let command = launcher + ["/bin/sh", "-c", "echo \(count) >/proc/sys/net/core/somaxconn"]
        let process = try ChildProcess(command[0], Array(command.dropFirst()))
        guard try await process.waitForExit() == .code(0) else {
            throw TestingError("cannot limit the backlog of \(name): \(process.errors)")
        }
    }
}
