/// The one screen that tells whether it is the gateway, the name server or the cluster, since when, and what comes next.
public struct StatusScreen {
    private static let sparklineWidth = 40

    private let status: GatewayStatus
    private let samples: StatusSamples
    private let paint: Paint

    /// A screen for this status; the samples give the bytes per second and, where there are several, the sparklines.
    public init(_ status: GatewayStatus, samples: StatusSamples, isColoured: Bool) {
        self.status = status
        self.samples = samples
        paint = Paint(isColoured: isColoured)
    }

    /// Its lines.
    public var lines: [String] {
        head + [""] + endpointLines + discoveryLines + eventLines
    }

    /// The part of a line that fits into so many columns; colours take none.
    public static func cut(_ line: String, to columns: Int) -> String {
        var (cut, width, isEscape) = ("", 0, false)
        for character in line {
            if character == "\u{1B}" { isEscape = true }
            guard isEscape || width < columns else { continue }
            cut.append(character)
            width += isEscape ? 0 : 1
            if isEscape, character == "m" { isEscape = false }
        }
        return cut
    }

    private var head: [String] {
        let program = status.program
        let traffic = status.traffic
        let (word, colour) = readiness
        let held = traffic.heldClients == 0 ? "" : ", \(traffic.heldClients) held because nobody answers"
        let rate = samples.rates.last.map {
            "\(Figures.bytesPerSecond($0.up)) up, \(Figures.bytesPerSecond($0.down)) down, "
        }
        let totals = "\(Figures.bytes(traffic.bytesUp)) up, \(Figures.bytes(traffic.bytesDown)) down in all"
        let first = [paint("etcd-gateway \(printable(program.version))", .strong), paint(word, colour)].joined(
            separator: "  ")
        return [
            "\(first)  up \(Figures.duration(program.uptime)), process \(program.process)",
            printable(
                "policy \(program.policy), listening on \(program.listeners.joined(separator: ", "))", atMost: 2048),
            "sessions \(traffic.sessions)\(held)" + sparkline(samples.sessions),
            "bytes \(rate ?? "")\(totals)" + sparkline(samples.rates.map { $0.up &+ $0.down }),
        ]
    }

    private var readiness: (String, Colour) {
        if status.isStopping { return ("STOPPING, NO CLIENT IS TAKEN", .bad) }
        if !status.isReady { return (status.endpoints.isEmpty ? "NO ENDPOINT KNOWN" : "NOBODY ANSWERS", .bad) }
        return status.good == status.endpoints.count ? ("ready", .good) : ("ready, not all endpoints work", .warning)
    }

    /// Only where there is more to see than one change.
    private func sparkline(_ figures: [UInt64]) -> String {
        figures.count < 3 ? "" : "  " + paint(Sparkline.text(figures, width: Self.sparklineWidth), .faint)
    }

    private var endpointLines: [String] {
        guard !status.endpoints.isEmpty else { return ["no endpoint is known"] }
        var table = Table([
            "", "ENDPOINT", "STATE", " SINCE", " TIER", " WEIGHT", " SESSIONS", " UP", " DOWN", " DIAL", "PROBE", "WHY",
        ])
        let sorted = status.endpoints.sorted {
            ($0.priority, $0.role.place, $0.name) < ($1.priority, $1.role.place, $1.name)
        }
        for endpoint in sorted { table.add(row(endpoint)) }
        return table.lines(paint)
    }

    private func row(_ endpoint: EndpointStatus) -> [Table.Cell] {
        [
            Table.Cell(endpoint.role == .serving ? ">" : "", .strong), Table.Cell(endpoint.name),
            Table.Cell(endpoint.state.rawValue, endpoint.state.colour),
            Table.Cell(endpoint.age.map(Figures.duration) ?? "-"), Table.Cell("\(endpoint.priority)"),
            Table.Cell("\(endpoint.weight)"), Table.Cell("\(endpoint.sessions)"),
            Table.Cell(Figures.bytes(endpoint.bytesUp)), Table.Cell(Figures.bytes(endpoint.bytesDown)),
            Table.Cell(endpoint.dialTime.map(Figures.duration) ?? "-"), Table.Cell(probe(endpoint)),
            Table.Cell(endpoint.why, endpoint.state.isGood ? .faint : nil),
        ]
    }

    private func probe(_ endpoint: EndpointStatus) -> String {
        if endpoint.isProbing { return "\(endpoint.probe) now" }
        return endpoint.probe + (endpoint.nextProbe.map { " in \(Figures.duration($0))" } ?? "")
    }

    private var discoveryLines: [String] {
        guard let discovery = status.discovery else { return [] }
        let domain = discovery.domain.map { " for \($0)" } ?? ""
        var table = Table(["", "NAME", "TYPE", "STATE", " RECORDS", " AGE", " REFRESH", "ERROR"])
        for name in discovery.names {
            table.add([
                "", Table.Cell(name.name), Table.Cell(name.type), Table.Cell(name.state.rawValue, name.state.colour),
                Table.Cell("\(name.records)"), Table.Cell(name.age.map(Figures.duration) ?? "-"),
                Table.Cell(name.nextRefresh.map { "in \(Figures.duration($0))" } ?? "now"),
                Table.Cell(name.error ?? ""),
            ])
        }
        let source = ": the endpoints are those of \(printable(discovery.source))"
        return ["", paint(printable("discovery\(domain)", atMost: 300), .strong) + source]
            + table.lines(paint)
    }

    private var eventLines: [String] {
        guard !status.events.isEmpty else { return [] }
        var table = Table(["", "WHEN", " AGO", "LEVEL", "WHAT"])
        for event in status.events.reversed() {
            let age = max(.zero, status.time - event.time)
            let fields = event.fieldsText.isEmpty ? "" : "  \(event.fieldsText)"
            table.add([
                "", Table.Cell(String(event.time.timeOfDay)), Table.Cell(Figures.duration(age)),
                Table.Cell(event.line.level.rawValue, event.line.level.colour),
                Table.Cell(printable(event.line.message, atMost: 200) + printable(fields, atMost: 200)),
            ])
        }
        return ["", paint("last changes", .strong) + " (UTC)"] + table.lines(paint)
    }
}

extension EndpointStatus {
    /// What is wrong; else what was.
    var why: String {
        if !reason.isEmpty { return reason }
        if let unanswered, unanswered >= .milliseconds(500) {
            return "has not answered for \(Figures.duration(unanswered))"
        }
        guard let lastError, let lastErrorAge else { return "" }
        return "\(Figures.duration(lastErrorAge)) ago: \(lastError)"
    }
}

extension EndpointStatus.State {
    fileprivate var colour: Colour {
        switch self {
        case .good: .good
        case .untried, .missing, .draining: .warning
        case .down, .unresolved: .bad
        }
    }
}

extension EndpointStatus.Role {
    fileprivate var place: Int {
        switch self {
        case .serving: 0
        case .standby: 1
        case .out: 2
        }
    }
}

extension DiscoveryStatus.Name.State {
    fileprivate var colour: Colour? {
        switch self {
        case .fine, .untried, .none: nil
        case .failing: .bad
        }
    }
}

extension LogLevel {
    fileprivate var colour: Colour? {
        switch self {
        case .debug, .info: nil
        case .warning: .warning
        case .error: .bad
        }
    }
}
