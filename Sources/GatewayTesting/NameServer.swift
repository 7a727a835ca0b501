import Foundation
import Synchronization

/// A real authoritative name server (nsd) for one zone, on a port of its own.
public final class NameServer: Sendable {
    /// The zone that it answers for ("example.com").
    public let zone: String
    /// The port, for UDP and TCP on 127.0.0.1.
    public let port: UInt16

    private let negativeTTL: Int
    private let folder: TemporaryFolder
    private let nsd: String
    private let state = Mutex(State())

    private struct State {
        var process: ChildProcess?
        var serial: UInt32 = 0
    }

    /// Starts a server for `zone` and waits until it answers.
    ///
    /// - Parameters:
    ///   - negativeTTL: for how many seconds "there is none" holds.
    ///   - isStarted: whether to start it now; a test about a server that is down at first does so later.
    ///   - port: where it answers; a free port by default.
    public init(
        zone: String, records: [ZoneRecord], negativeTTL: Int = 1, isStarted: Bool = true, port: UInt16? = nil
    ) async throws {
        self.zone = zone
        self.negativeTTL = negativeTTL
        self.port = try port ?? FreePort.next()
        folder = try TemporaryFolder()
        nsd = try ToolBox.tool("nsd")
        try folder.write(settings, to: "nsd.conf")
        try writeZone(records)
        if isStarted {
            try await start()
        }
    }

    deinit {
        // Before the folder goes, into which it writes.
        state.withLock { $0.process = nil }
    }

    /// Its address in the form of `--dns-server`.
    public var address: String { "127.0.0.1:\(port)" }

    /// Starts it, also again after `kill`, and waits until it answers.
    public func start() async throws {
        let process = try ChildProcess(nsd, ["-d", "-c", folder.path(of: "nsd.conf")])
        state.withLock { $0.process = process }
        try await waitUntilServed()
    }

    /// SIGKILL: queries are refused (by the kernel) when this returns.
    public func kill() async throws {
        try await state.withLock { $0.process }?.kill()
    }

    /// Serves `records` and no others from when this returns.
    public func update(_ records: [ZoneRecord]) async throws {
        try writeZone(records)
        guard let process = state.withLock({ $0.process }), process.isRunning else { return }
        process.send(SIGHUP)
        try await waitUntilServed()
    }

    private func writeZone(_ records: [ZoneRecord]) throws {
        let serial = state.withLock { state in
            state.serial += 1
            return state.serial
        }
        let head = [
            "$ORIGIN \(zone).",
            "@ 60 IN SOA ns hostmaster \(serial) 3600 600 86400 \(negativeTTL)",
            "@ 60 IN NS ns",
            "ns 60 IN A 127.0.0.1",
        ]
        try folder.write((head + records.map(\.line)).joined(separator: "\n") + "\n", to: "zone")
    }

    /// Waits until the zone's serial number is that of the file.
    private func waitUntilServed() async throws {
        let (serial, process) = state.withLock { ($0.serial, $0.process) }
        let client = try DNSClient(serverPort: port)
        try await eventually("nsd serves \(zone), version \(serial); it said: \(process?.errors ?? "")") {
            guard process?.isRunning == true else {
                throw TestingError("nsd ended: \(process?.errors ?? "")")
            }
            return client.serial(of: zone) == serial
        }
    }

    private var settings: String {
        """
        server:
          ip-address: 127.0.0.1@\(port)
          port: \(port)
          username: ""
          chroot: ""
          zonesdir: "\(folder.path)"
          database: ""
          pidfile: "\(folder.path(of: "nsd.pid"))"
          zonelistfile: "\(folder.path(of: "zone.list"))"
          xfrdfile: ""
          xfrdir: "\(folder.path)"
          server-count: 1
          rrl-ratelimit: 0
          rrl-whitelist-ratelimit: 0
        remote-control:
          control-enable: no
        zone:
          name: "\(zone)."
          zonefile: "zone"
        """
    }
}
