import Foundation
import Gateway
import GatewayTesting
import Testing

extension RealComponents {
    /// The dashboard and the alerts of contrib, as a real Prometheus sees them that scrapes a real gateway.
    @Suite(.serialized) struct DashboardTests {
        private static let rulesFile = "\(ToolBox.packageRoot)/contrib/prometheus/etcd-gateway.rules.yml"

        private func dashboard() throws -> JSON {
            let path = "\(ToolBox.packageRoot)/contrib/grafana/etcd-gateway.json"
            return try #require(JSON(parsing: String(contentsOfFile: path, encoding: .utf8)))
        }

        private func panels() throws -> [JSON] { try #require(try dashboard()["panels"]?.items) }

        /// The expressions of all panels, with the variables as Grafana fills them in.
        private func expressions() throws -> [(panel: String, text: String)] {
            try panels().flatMap { panel in
                let title = panel["title"]?.text ?? ""
                return (panel["targets"]?.items ?? []).compactMap { $0["expr"]?.text }.map { text in
                    (
                        title,
                        text.replacing("$instance", with: ".*").replacing(
                            "$__rate_interval", with: PrometheusServer.rateInterval)
                    )
                }
            }
        }

        /// Name and expression of each alert; those of several lines are joined.
        private func alerts() throws -> [(name: String, text: String)] {
            let text = try String(contentsOfFile: Self.rulesFile, encoding: .utf8)
            return text.components(separatedBy: "- alert: ").dropFirst().compactMap { block in
                let lines = block.components(separatedBy: "\n")
                guard let start = lines.firstIndex(where: { $0.contains("expr:") }) else { return nil }
                let folded = lines[(start + 1)...].prefix { $0.hasPrefix("          ") }
                let first = lines[start].components(separatedBy: "expr: ").dropFirst().joined()
                let whole = first == ">-" ? folded.map { $0.trimmingCharacters(in: .whitespaces) } : [first]
                return (lines[0], whole.joined(separator: " "))
            }
        }

        /// What an expression reads: names of metrics with the labels that they must have.
        private func selectors(of expression: String) -> [String] {
            expression.matches(of: #/(?:etcd_gateway|process)_[a-z_]+(?:\{[^}]*\})?|up\{[^}]*\}/#).map {
                String($0.output)
            }
        }

        @Test func everyPanel_hasATitleAUnitAndTheChosenDataSource_andAPlaceOfItsOwn() throws {
            let panels = try panels()
            #expect(panels.count > 10)
            var numbers: Set<Int> = []
            var taken: [[Int]: String] = [:]
            for panel in panels {
                let title = try #require(panel["title"]?.text)
                #expect(!title.isEmpty && panel["targets"]?.items?.isEmpty == false, "\(title)")
                let unit = panel["fieldConfig"]?["defaults"]?["unit"]?.text
                #expect(unit?.isEmpty == false, "\(title) has no unit")
                for part in [panel] + (panel["targets"]?.items ?? []) {
                    #expect(part["datasource"]?["uid"]?.text == "${datasource}", "\(title)")
                    #expect(part["datasource"]?["type"]?.text == "prometheus", "\(title)")
                }
                #expect(
                    try numbers.insert(#require(panel["id"]?.integer(Int.self))).inserted, "two panels of one number")
                let place = try ["x", "y", "w", "h"].map { try #require(panel["gridPos"]?[$0]?.integer(Int.self)) }
                #expect(place[0] >= 0 && place[0] + place[2] <= 24 && place[2] > 0 && place[3] > 0, "\(title)")
                for x in place[0]..<place[0] + place[2] {
                    for y in place[1]..<place[1] + place[3] {
                        let other = taken.updateValue(title, forKey: [x, y])
                        #expect(other == nil, "\(title) lies on \(other ?? "")")
                    }
                }
            }
            let variables = try #require(try dashboard()["templating"]?["list"]?.items)
            #expect(variables.map { $0["name"]?.text } == ["datasource", "instance"])
            #expect(variables[0]["type"]?.text == "datasource" && variables[0]["query"]?.text == "prometheus")
        }

        @Test func everyExpression_isEvaluatedByARealPrometheus_andHasSomethingToShow() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let dns = try await NameServer(
                zone: "example.com", records: cluster.addressRecords + cluster.serviceRecords("_etcd-client._tcp"))
            let observed = try await ObservedGateway([
                "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--health-check=auto",
                "--health-interval=1s",
                "--max-ttl=1s", "--hold-timeout=1m",
            ])
            let requests = RequestLoop(PlainRequest(at: observed.gateway.address), pause: .milliseconds(5))
            let prometheus = try await PrometheusServer(scraping: observed.web, rules: Self.rulesFile)

            let shown = try expressions()
            #expect(shown.count > 20)
            for (panel, expression) in shown {
                try await eventually("\(panel): \(expression) gives something") {
                    try await prometheus.count(of: expression) > 0
                }
            }
            let alerts = try alerts()
            #expect(alerts.count > 8 && alerts.allSatisfy { !$0.text.isEmpty })
            for (name, expression) in alerts {
                _ = try await prometheus.count(of: expression)
                let selectors = selectors(of: expression)
                #expect(!selectors.isEmpty, "\(name)")
                for selector in selectors {
                    #expect(
                        try await prometheus.count(of: selector) > 0, "\(name) reads \(selector), which there is not")
                }
            }
            try await eventually("each rule is evaluated") {
                let rules = try await prometheus.rules()
                return rules.count == alerts.count && rules.allSatisfy { $0.health == "ok" }
            }
            _ = try await requests.stop()
            try await checkThatTheyRing(alerts, prometheus, cluster, observed)
        }

        /// What is broken is seen by the alerts that are there for it.
        private func checkThatTheyRing(
            _ alerts: [(name: String, text: String)], _ prometheus: PrometheusServer, _ cluster: EtcdCluster,
            _ observed: ObservedGateway
        ) async throws {
            let rings = { (name: String) async throws -> Bool in
                let expression = try #require(alerts.first { $0.name == name }).text
                return try await prometheus.count(of: expression) > 0
            }
            let silent = [
                "EtcdGatewayNotReady", "EtcdGatewayEndpointDown", "EtcdGatewayClientsHeld", "EtcdGatewayGone",
            ]
            for name in silent { #expect(try await !rings(name), "\(name) rings while all is well") }
            try await cluster.members[0].kill()
            let held = Task { await PlainRequest(at: observed.gateway.address, within: .seconds(60)).run() }
            for name in silent.dropLast() {
                try await eventually("\(name) rings") { try await rings(name) }
            }
            try await observed.gateway.process.kill()
            try await eventually("EtcdGatewayGone rings") { try await rings("EtcdGatewayGone") }
            _ = await held.value
        }
    }
}
