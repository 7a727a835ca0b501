/// One kind of traffic.
struct Workload: Sendable {
    /// What is done.
    enum Kind: Sendable {
        /// Each of so many connections moves bytes for about a second at `gigabytesPerSecond` of all together.
        case bulk(Direction, connections: Int, gigabytesPerSecond: Double)
        /// On each of so many connections one request after the other.
        case requests(connections: Int, ask: Int, answer: Int)
        /// Connect, one request, one answer, close; so many at a time.
        case churn(connections: Int)
        /// One connection's requests beside bulk flows in both directions.
        case besideBulk(connections: Int)
        /// Ten connections' requests while so many sessions are open.
        case amongIdle(sessions: Int)
        /// Sessions that do nothing.
        case idle(sessions: Int)
        /// From exec to the first connection.
        case start
        /// Reads of a real etcd member.
        case etcdRange(connections: Int)
        /// One writer, so many watchers of a real etcd member.
        case etcdWatch(watchers: Int)
    }

    /// Which way bytes flow: `up` is from the client.
    enum Direction: String, Sendable {
        case up, down, both
    }

    /// Its name in options, thresholds and JSON.
    let name: String
    /// The head of its table.
    let title: String
    let kind: Kind
    /// What the chart and the ratios look at first.
    let headline: Metric
    /// What the proxy pays for it; `nil` where CPU time says nothing.
    let cost: Metric?
    /// Whether it gives the same figures every time, so that one round is enough.
    var isSteady: Bool { if case .idle = kind { true } else { false } }
    /// Whether it belongs to a run that names no workloads.
    var isUsual = true

    static let all: [Workload] = [
        bulk("bulk-1-up", "Bulk, one connection, from the client", .up, 1, 1.6),
        bulk("bulk-1-both", "Bulk, one connection, both ways at once", .both, 1, 2),
        bulk("bulk-8-up", "Bulk, eight connections, from the client", .up, 8, 1.6),
        bulk("bulk-8-both", "Bulk, eight connections, both ways at once", .both, 8, 2),
        Workload(
            name: "ping-pong", title: "One connection, 64 bytes asked and answered",
            kind: .requests(connections: 1, ask: 64, answer: 64), headline: .p50, cost: .cpuMicrosecondsPerRequest),
        requests("rpc-1k", 64, 256, 1 << 10), requests("rpc-4k", 64, 256, 4 << 10),
        requests("rpc-16k", 64, 256, 16 << 10), requests("rpc-64k", 64, 256, 64 << 10),
        Workload(
            name: "churn", title: "Connect, 64 bytes asked and answered, close; 64 at a time",
            kind: .churn(connections: 64), headline: .perSecond, cost: .cpuMicrosecondsPerRequest),
        Workload(
            name: "beside-bulk", title: "One connection's requests of 64 bytes beside eight bulk flows both ways",
            kind: .besideBulk(connections: 8), headline: .p99, cost: nil),
        requests("rpc-10", 10, 256, 1 << 10, isUsual: false), requests("rpc-100", 100, 256, 1 << 10, isUsual: false),
        requests("rpc-1000", 1000, 256, 1 << 10, isUsual: false),
        requests("rpc-5000", 5000, 256, 1 << 10, isUsual: false),
        amongIdle(10), amongIdle(100), amongIdle(1000), amongIdle(5000),
        Workload(
            name: "etcd-range", title: "A real etcd member: one key read, 16 connections",
            kind: .etcdRange(connections: 16), headline: .perSecond, cost: .cpuMicrosecondsPerRequest),
        Workload(
            name: "etcd-watch",
            title: "A real etcd member: one writer, 100 watchers; a request is one event at one of them",
            kind: .etcdWatch(watchers: 100), headline: .perSecond, cost: .cpuMicrosecondsPerRequest),
        idle(1000), idle(9000),
        Workload(
            name: "start", title: "Start: exec to the first connection, and memory then", kind: .start,
            headline: .startMilliseconds, cost: nil),
    ]

    private static func bulk(
        _ name: String, _ title: String, _ direction: Direction, _ connections: Int, _ rate: Double
    ) -> Workload {
        Workload(
            name: name, title: title,
            kind: .bulk(direction, connections: connections, gigabytesPerSecond: rate),
            headline: .gigabytesPerSecond, cost: .cpuSecondsPerGigabyte)
    }

    private static func requests(
        _ name: String, _ connections: Int, _ ask: Int, _ answer: Int, isUsual: Bool = true
    ) -> Workload {
        Workload(
            name: name, title: "\(connections) connections, \(ask) bytes asked, \(answer >> 10) KiB answered",
            kind: .requests(connections: connections, ask: ask, answer: answer), headline: .perSecond,
            cost: .cpuMicrosecondsPerRequest, isUsual: isUsual)
    }

    private static func amongIdle(_ sessions: Int) -> Workload {
        Workload(
            name: "among-\(sessions)", title: "Ten connections' requests among \(sessions) open sessions",
            kind: .amongIdle(sessions: sessions), headline: .perSecond, cost: .cpuMicrosecondsPerRequest, isUsual: false
        )
    }

    private static func idle(_ sessions: Int) -> Workload {
        Workload(
            name: "idle-\(sessions)", title: "\(sessions) sessions that do nothing", kind: .idle(sessions: sessions),
            headline: .kibibytesPerSession, cost: nil)
    }
}
