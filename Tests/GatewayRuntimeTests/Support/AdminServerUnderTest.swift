import CSplice
import Gateway
import GatewayTesting
import Glibc
import Logging
import Synchronization
import Testing

@testable import GatewayRuntime

extension AdminDesk {
    static let status = GatewayStatus(
        time: WallTime(milliseconds: 0),
        program: GatewayStatus.Program(
            version: "1", process: 1, uptime: .seconds(1), policy: "pinned", listeners: [], logLevel: "info"),
        isReady: true, traffic: GatewayTraffic(), endpoints: [], discovery: nil, events: [])

    static func testing(isReady: Bool = true) -> AdminDesk {
        AdminDesk(
            snapshot: { receiver in
                var status = status
                status.isReady = isReady
                receiver(
                    MetricsSnapshot(
                        status: status, startedAt: WallTime(milliseconds: 0), traffic: [:],
                        sessionTimes: Histogram(bounds: Histogram.sessionBounds),
                        ends: [], acceptErrors: [], acceptPauses: [], failovers: Tally(),
                        counts: MetricsSnapshot.Counts(), loops: []))
            },
            explanation: { $0(Explanation(policy: "pinned", heldClients: 0, rows: [])) },
            sessions: { $0(SessionFindings()) })
    }
}

/// Runs the body with the path of a server's socket.
func withAdminServer(_ desk: AdminDesk = .testing(), _ body: (String) async throws -> Void) async throws {
    let folder = try TemporaryFolder()
    var settings = Settings.defaults
    settings.adminSocket = folder.path(of: "admin.sock")
    let path = try #require(settings.adminSocket)
    let server = try #require(await AdminServer.open(settings, desk: desk, logger: .silent))
    do {
        try await body(path)
    } catch {
        await server.close()
        throw error
    }
    await server.close()
    #expect(access(path, F_OK) == -1, "its file is gone")
}

/// What the server answers.
func ask(_ method: String, _ target: String, at path: String) throws -> (status: Int, body: String) {
    let answer = try AdminClient(path: path).ask(method, target)
    return (answer.status, answer.body)
}

extension Logger {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// A name that was not used before.
enum FreshText {
    private static let number = Atomic<Int>(0)
    static func next() -> Int { number.add(1, ordering: .relaxed).newValue }
}

/// A client that says what it likes.
final class RawClient {
    private let descriptor: Int32
    private var text = ""

    /// One that is held back does not connect yet.
    init(_ path: String, isHeldBack: Bool = false) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        if !isHeldBack { try connect(path) }
    }

    func connect(_ path: String) throws {
        guard var address = UnixAddress(path), address.withPointer({ Glibc.connect(descriptor, $0, $1) }) == 0 else {
            throw TestingError("connect to \(path): errno \(errno)")
        }
    }

    /// Whether the server has closed it, without reading what came before.
    var hasHungUp: Bool {
        var state = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&state, 1, 0) == 1 && state.revents & Int16(POLLHUP) != 0
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws {
        var text = text
        text.withUTF8 { _ = Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// All that came so far.
    var received: String {
        _ = isClosed
        return text
    }

    /// Whether the server has closed it; what came before is kept.
    var isClosed: Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count == 0 || count == -1 && errno != EAGAIN { return true }
            guard count > 0 else { return false }
            text += String(decoding: chunk[..<count], as: UTF8.self)
        }
    }
}

/// CPU time of this process so far.
func processTime() -> Duration {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return .seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + .microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
}

extension String {
    func components(separatedBy text: String) -> [Substring] {
        split(separator: text, omittingEmptySubsequences: false)
    }
}
