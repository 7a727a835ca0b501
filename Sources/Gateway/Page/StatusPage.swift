/// The status as one page of HTML that needs nothing else: tables as they are now, which a script then keeps up to date, with
/// charts of the last minutes. Without scripts the tables are all there is, and the page is loaded again every few seconds.
public struct StatusPage {
    private let status: GatewayStatus

    /// A page for this status.
    public init(_ status: GatewayStatus) {
        self.status = status
    }

    /// The page.
    public var html: String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>etcd-gateway</title>
        <link rel="icon" href="data:,">
        <noscript><meta http-equiv="refresh" content="5"></noscript>
        <style>\(Self.style)</style>
        </head>
        <body>
        \(header)
        <main>
        \(tiles)
        \(Self.charts)
        \(endpoints)
        \(discovery)
        \(events)
        </main>
        <script>\(Self.script)</script>
        </body>
        </html>

        """
    }

    private var readiness: String { status.isStopping ? "stopping" : status.isReady ? "ready" : "not ready" }

    private var header: String {
        let program = status.program
        return """
            <header>
            <h1>etcd-gateway <small id="version">\(Self.escaped(program.version))</small></h1>
            <p id="ready" class="\(status.isReady ? "good" : "down")">\(readiness)</p>
            <p class="about"><span id="about">up \(Figures.duration(program.uptime)), policy \(Self.escaped(program.policy)), \
            listening on \(Self.escaped(program.listeners.joined(separator: ", ")))</span>
            <span id="connection" role="status"></span></p>
            </header>
            """
    }

    private var tiles: String {
        let traffic = status.traffic
        let tiles = [
            ("endpoints", "endpoints that work", "\(status.good) of \(status.endpoints.count)"),
            ("sessions", "sessions", "\(traffic.sessions)"), ("held", "clients held", "\(traffic.heldClients)"),
            ("up", "bytes to endpoints", Figures.bytes(traffic.bytesUp)),
            ("down", "bytes to clients", Figures.bytes(traffic.bytesDown)),
        ]
        let texts = tiles.map { id, title, value in "<div><dt>\(title)</dt><dd id=\"tile-\(id)\">\(value)</dd></div>" }
        return "<dl class=\"tiles\">\(texts.joined())</dl>"
    }

    /// Drawn by the script, and not to be seen without it.
    private static let charts = """
        <section class="charts" hidden>
        <figure><figcaption>Bytes per second <span class="key up">to endpoints <output id="rate-up"></output></span> \
        <span class="key down">to clients <output id="rate-down"></output></span></figcaption>
        <svg id="throughput" role="img" aria-label="bytes per second in the last minutes"></svg></figure>
        <figure><figcaption>Sessions <output id="count"></output></figcaption>
        <svg id="sessions" role="img" aria-label="sessions in the last minutes"></svg></figure>
        <figure class="wide"><figcaption>Endpoints in the last minutes <span class="key good">good</span> \
        <span class="key untried">untried</span> <span class="key leaving">leaving</span> \
        <span class="key bad">down</span></figcaption>
        <div id="timeline"></div></figure>
        </section>
        """

    private var endpoints: String {
        let rows = status.endpoints.map { endpoint in
            [
                Self.escaped(endpoint.name), Self.state(endpoint.state.rawValue), endpoint.role.rawValue,
                endpoint.age.map(Figures.duration) ?? "–", "\(endpoint.priority)", "\(endpoint.weight)",
                "\(endpoint.sessions)", Figures.bytes(endpoint.bytesUp), Figures.bytes(endpoint.bytesDown),
                endpoint.dialTime.map(Figures.duration) ?? "–", Self.probe(endpoint), Self.escaped(endpoint.why),
            ]
        }
        return Self.table(
            "endpoints", "Endpoints",
            [
                "Endpoint", "State", "Role", "Since", "Tier", "Weight", "Sessions", "Up", "Down", "Dial", "Probe",
                "Why",
            ], rows)
    }

    private static func probe(_ endpoint: EndpointStatus) -> String {
        if endpoint.isProbing { return "\(escaped(endpoint.probe)) now" }
        return escaped(endpoint.probe) + (endpoint.nextProbe.map { " in \(Figures.duration($0))" } ?? "")
    }

    private var discovery: String {
        guard let discovery = status.discovery else { return "" }
        let rows = discovery.names.map { name in
            [
                Self.escaped(name.name), Self.escaped(name.type), Self.state(name.state.rawValue), "\(name.records)",
                name.age.map(Figures.duration) ?? "–", name.nextRefresh.map { "in \(Figures.duration($0))" } ?? "now",
                Self.escaped(name.error ?? ""),
            ]
        }
        let domain = discovery.domain.map { " of \($0)" } ?? ""
        return Self.table(
            "names", Self.escaped("Discovery\(domain): the endpoints are those of \(discovery.source)"),
            ["Name", "Type", "State", "Records", "Age", "Refresh", "Error"], rows)
    }

    private var events: String {
        let rows = status.events.reversed().map { event in
            [
                "\(event.time.timeOfDay)", Figures.duration(max(.zero, status.time - event.time)),
                Self.state(event.line.level.rawValue), Self.escaped(event.line.message), Self.escaped(event.fieldsText),
            ]
        }
        return Self.table("events", "Last changes (UTC)", ["When", "Ago", "Level", "What", "Of whom"], rows)
    }

    private static func table(_ id: String, _ title: String, _ headings: [String], _ rows: [[String]]) -> String {
        let head = headings.map { "<th scope=\"col\">\($0)</th>" }.joined()
        let body = rows.map { row in
            let cells = zip(headings, row).map { "<td data-of=\"\($0)\">\($1)</td>" }
            return "<tr>\(cells.joined())</tr>"
        }
        return """
            <section><h2>\(title)</h2><div class="scroll"><table id="\(id)"><thead><tr>\(head)</tr></thead>
            <tbody>\(body.joined(separator: "\n"))</tbody></table></div></section>
            """
    }

    private static func state(_ word: String) -> String { "<span class=\"state \(word)\">\(word)</span>" }

    /// Text that is nothing but text in HTML.
    static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            case "'": "&#39;"
            default: String(character)
            }
        }.joined()
    }
}
