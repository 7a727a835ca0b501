import Foundation
import GatewayTesting

/// The program under load, the sink behind it, and what it was like before anybody came.
@MainActor
struct LoadGateway {
    /// The address at which hosts beside this one find it (`scripts/endure`).
    static let farSide = "10.78.0.1"

    let process: ChildProcess
    let port: UInt16
    private let sink: ChildProcess
    private let metrics: String
    /// Before the first client, and after the first few.
    private(set) var before: ProcessReading

    var address: String { "127.0.0.1:\(port)" }
    var farAddress: String { "\(Self.farSide):\(port)" }
    /// How many loops it has: one for each CPU, at most four.
    let loops = min(4, max(1, ProcessInfo.processInfo.activeProcessorCount))
    /// So many sessions are within its limit of descriptors, with some left for those who measure.
    let mostSessions: Int

    init() async throws {
        let sinkPort = try FreePort.next()
        sink = try LoadProgram.start(["serve", String(sinkPort)])
        port = try FreePort.next()
        metrics = try "127.0.0.1:\(FreePort.next())"
        // Nobody's pipes are limited (pipe(7)), root's are not.
        let asNobody = getuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
        let command = asNobody + [try ToolBox.gateway()]
        process = try ChildProcess(
            command[0],
            command.dropFirst() + [
                "start", "--endpoints=127.0.0.1:\(sinkPort)", "--listen-addr=127.0.0.1:\(port)",
                "--listen-addr=\(Self.farSide):\(port)", "--metrics-addr=\(metrics)", "--health-check=tcp",
                "--loops=\(loops)", "--tcp-keepalive=2s", "--tcp-user-timeout=10s",
            ])
        try await process.waitForText(GatewayProcess.readyText)
        before = try ProcessReading(of: process.pid)
        mostSessions = (try ProcessReading.descriptorLimit(of: process.pid) - 256) / 2
        try await warmUp()
    }

    /// The first clients let it open what it keeps: their number is not what is measured here.
    private mutating func warmUp() async throws {
        _ = try await LoadProgram.figures(of: LoadProgram.start(["churn", address, "64", "2000"]))
        try await waitUntilEmpty()
        before = try ProcessReading(of: process.pid)
    }

    /// One of its figures (docs/operations.md).
    func metric(_ name: String) async throws -> Double {
        let text = try await WebRequest.run(metrics, "/metrics").body
        return text.split(separator: "\n").filter { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
            .reduce(0, +)
    }

    /// Waits until the last session has ended; returns how long that took.
    @discardableResult
    func waitUntilEmpty(within limit: Duration = .seconds(60)) async throws -> Duration {
        let began = ContinuousClock.now
        try await settled("no session is left", within: limit) {
            try await metric("etcd_gateway_sessions") == 0
        }
        return ContinuousClock.now - began
    }

    func reading() throws -> ProcessReading { try ProcessReading(of: process.pid) }
}
