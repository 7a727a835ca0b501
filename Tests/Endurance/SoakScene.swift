import Foundation
import GatewayTesting

/// Three real members, a real name server, and the program between them and its clients.
@MainActor
final class SoakScene {
    static let zone = "soak.test"
    private static let service = "_etcd-client._tcp"

    let cluster: EtcdCluster
    let names: NameServer
    let manager: StandIn
    let journal: Journal
    let excuses: Excuses
    let address: String
    let program: String
    private let folder: TemporaryFolder
    private let metrics: String
    /// The members' numbers, by address.
    private(set) var numbers: [String: UInt64] = [:]

    init() async throws {
        journal = try Journal("soak-journal")
        excuses = Excuses(journal)
        cluster = try await EtcdCluster(
            flags: [
                "--auto-compaction-mode=revision", "--auto-compaction-retention=500", "--snapshot-count=5000",
                "--quota-backend-bytes=4294967296",
            ])
        names = try await NameServer(zone: Self.zone, records: Self.records(cluster.members))
        folder = try TemporaryFolder()
        program = folder.path(of: "etcd-gateway")
        try FileManager.default.copyItem(atPath: ToolBox.gateway(), toPath: program)
        let port = try FreePort.next()
        address = "127.0.0.1:\(port)"
        metrics = try "127.0.0.1:\(FreePort.next())"
        manager = try StandIn(
            port: port, notifyPath: folder.path(of: "notify"), program: program,
            [
                "start", "--discovery-srv=\(Self.zone)", "--dns-server=\(names.address)", "--policy=round-robin",
                "--metrics-addr=\(metrics)", "--removed-endpoint-grace=2s", "--max-ttl=2s", "--log-format=text",
            ])
        numbers = try await Self.numbers(of: cluster)
        for (address, number) in numbers { journal.note("member \(number) is \(address)") }
    }

    /// What the zone says of these members.
    static func records(_ members: [EtcdMember], weight: UInt16 = 0) -> [ZoneRecord] {
        members.flatMap { member -> [ZoneRecord] in
            [
                .a(member.name, member.host, ttl: 1),
                .srv(service: service, priority: 0, weight: weight, port: 2379, target: member.name, ttl: 1),
            ]
        }
    }

    private static func numbers(of cluster: EtcdCluster) async throws -> [String: UInt64] {
        var numbers: [String: UInt64] = [:]
        for member in cluster.members {
            // "127.20.30.4:2379, 8e9e05c52164694d, 3.4.23, …"
            let line = try await Etcdctl(address: member.address)("endpoint", "status")
            let columns = line.split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            guard columns.count > 1, let number = UInt64(columns[1], radix: 16) else {
                throw TestingError("no number of \(member.address): \(line)")
            }
            numbers[member.address] = number
        }
        return numbers
    }

    /// Waits until it serves, and lets some clients through.
    func warmUp() async throws {
        try await settled("the program is ready; it said: \(manager.log)", within: .seconds(60)) { manager.readies > 0 }
        let requests = RequestLoop(PlainRequest(at: address), clients: 4)
        try await requests.wait(for: 500, startedAfter: .now - .seconds(1))
        _ = try await requests.stop()
    }

    /// What it has when nobody is there. With something to compare, it has half a minute to get there.
    func stockTaking(_ time: Duration, like other: StockTaking? = nil) async throws -> StockTaking {
        if let other {
            try? await settled("as before", within: .seconds(60), every: .seconds(1)) {
                let now = try await StockTaking(manager, metrics, wakeUps: 0)
                return now.sessions == 0 && now.ownDescriptors <= other.ownDescriptors
            }
        }
        guard let pid = manager.pid else { throw TestingError("the program does not run") }
        let wakeUps = try ProcessActivity.wakeUps(of: pid)
        let lasting = try await Self.lastingDescriptors(of: pid, over: time)
        let more = try ProcessActivity.wakeUps(of: pid) - wakeUps
        return try await StockTaking(manager, metrics, wakeUps: more, lasting: lasting)
    }

    /// What it has half of that time or longer: a question to the name server and a probe's new connection come and go.
    private static func lastingDescriptors(of pid: pid_t, over time: Duration) async throws -> Int {
        let looks = 21
        var counts: [Int] = []
        for _ in 0..<looks {
            try await Task.sleep(for: time / looks)
            try counts.append(ProcessReading(of: pid).lastingDescriptors)
        }
        return counts.sorted()[looks / 2]
    }

    /// Ends the program, which must go in peace.
    func stop(_ findings: Findings) async throws {
        let status = try await manager.stop()
        findings.expect(status == .code(0), "the manager ended with \(status)")
        for word in [
            "atal error", "loops make no progress", "cannot hand over", "not fit to take over", "does not hear us",
        ] {
            findings.expect(!manager.log.contains(word), "the log says: \(word)")
        }
    }
}

/// What the program has at one moment.
struct StockTaking: CustomStringConvertible {
    var sessions: Int
    /// Without pipes at rest, of which a loop keeps some once it has needed them.
    var lasting: Int
    /// Table and shelves, which the manager has as well; shelves stay once there are some.
    var stored: Int
    var threads: Int
    var ownKiB: Int
    /// While nobody asked anything.
    var wakeUps: Int

    /// Of pipes at rest: few are as good as none.
    var pipeEnds: Int

    var ownDescriptors: Int { lasting - stored }

    init(_ manager: StandIn, _ metrics: String, wakeUps: Int, lasting: Int? = nil) async throws {
        guard let pid = manager.pid else { throw TestingError("the program does not run") }
        let text = try await WebRequest.run(metrics, "/metrics").body
        let line = text.split(separator: "\n").first { $0.hasPrefix("etcd_gateway_sessions ") }
        guard let sessions = line?.split(separator: " ").last.flatMap({ Int($0) }) else {
            throw TestingError("no count of sessions")
        }
        self.sessions = sessions
        let reading = try ProcessReading(of: pid)
        (self.lasting, pipeEnds, threads, ownKiB) = (
            lasting ?? reading.lastingDescriptors, reading.pipeEnds, reading.threads, reading.ownKiB
        )
        stored = manager.stored
        self.wakeUps = wakeUps
    }

    var description: String {
        "\(sessions) sessions, \(lasting) descriptors (\(stored) of them in the store) and \(pipeEnds) of pipes at rest, \(threads) threads, "
            + "\(ownKiB) KiB of its own, \(wakeUps) wake-ups"
    }
}
