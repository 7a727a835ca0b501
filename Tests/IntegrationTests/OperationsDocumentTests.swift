import Foundation
import Gateway
import GatewayTesting
import Testing

/// What operators are given agrees with what the program says: metrics, alerts, dashboard, runbooks, the status' JSON.
@Suite(.serialized) struct OperationsDocumentTests {
    private func document(_ path: String) throws -> String {
        try String(contentsOfFile: "\(ToolBox.packageRoot)/\(path)", encoding: .utf8)
    }

    private func words(_ text: String, like pattern: String) throws -> Set<String> {
        let regex = try Regex<Substring>(pattern, as: Substring.self)
        return Set(text.matches(of: regex).map { String($0.output) })
    }

    /// The metrics of a gateway that has something to tell of everything.
    private func metrics() async throws -> Set<String> {
        // A name that /etc/hosts knows everywhere.
        let observed = try await ObservedGateway(["--endpoints=localhost:1"])
        try await eventually("DNS was asked") {
            try await observed.metric("etcd_gateway_dns_refreshes_total{result=\"records\"}") ?? 0 > 0
        }
        let text = try await WebRequest.run(observed.web, "/metrics").body
        return Set(text.matches(of: #/# TYPE (\S+) /#).map { String($0.output.1) })
    }

    /// Metrics that need an event which this test does not make.
    private static let seldom: Set = [
        "etcd_gateway_endpoint_rtt_seconds",
        "etcd_gateway_endpoint_last_change_timestamp_seconds", "etcd_gateway_probes_total",
    ]

    private func ours(_ text: String) throws -> Set<String> {
        let names = try words(text, like: "(?:etcd_gateway|process)_[a-z_]+[a-z]")
        return Set(
            names.map { name in
                let base = name.replacing(#/_(bucket|sum|count)$/#, with: "")
                return base.hasSuffix("_duration_seconds") ? base : name
            })
    }

    @Test func manualAlertsAndDashboard_nameMetricsThatExist_andTheManualAllOfThem() async throws {
        let existing = try await metrics().union(Self.seldom)
        #expect(existing.count > 35)
        let manual = try ours(document("docs/operations.md")).filter { $0.hasPrefix("etcd_gateway_") }
        #expect(
            existing.filter { $0.hasPrefix("etcd_gateway_") }.subtracting(manual) == [], "docs/operations.md lacks them"
        )
        #expect(manual.subtracting(existing) == [], "docs/operations.md has too many")
        let rules = try ours(document("contrib/prometheus/etcd-gateway.rules.yml"))
        #expect(rules.subtracting(existing) == [])
        let dashboard = try ours(document("contrib/grafana/etcd-gateway.json"))
        #expect(dashboard.count > 15 && dashboard.subtracting(existing) == [])
    }

    @Test func everyAlert_hasItsRunbook() throws {
        let rules = try document("contrib/prometheus/etcd-gateway.rules.yml")
        let alerts = rules.matches(of: #/- alert: (\S+)/#).map { String($0.output.1) }
        let manual = try document("docs/operations.md")
        let chapters = manual.matches(of: #/### (EtcdGateway\S+)/#).map { String($0.output.1) }
        #expect(alerts.count > 5 && Set(alerts) == Set(chapters))
        for alert in alerts {
            #expect(rules.contains("runbook: docs/operations.md#\(alert.lowercased())\n"), "\(alert)")
        }
    }

    @Test func rules_areGood_andRingWhenTheyShould() async throws {
        let folder = "\(ToolBox.packageRoot)/contrib/prometheus"
        for arguments in [
            ["check", "rules", "\(folder)/etcd-gateway.rules.yml"],
            ["test", "rules", "\(folder)/etcd-gateway.rules.test.yml"],
        ] {
            let promtool = try ChildProcess(ToolBox.tool("promtool"), arguments)
            #expect(try await promtool.waitForExit() == .code(0), "\(promtool.output)\(promtool.errors)")
        }
    }

    @Test func everyMemberOfTheJSON_isExplained() async throws {
        let observed = try await ObservedGateway(["--endpoints=localhost:1"])
        let manual = try document("docs/status.md")
        var names: Set<String> = []
        for path in ["/status", "/sessions", "/explain"] {
            let json = try #require(JSON(parsing: try await WebRequest.run(observed.web, path).body))
            Self.collect(json, &names)
        }
        #expect(names.count > 40)
        let lacking = names.filter { !manual.contains("`\($0)`") }
        #expect(lacking.subtracting(["address", "error", "grace"]) == [], "fields of events are those of the log")
    }

    private static func collect(_ json: JSON, _ names: inout Set<String>) {
        switch json {
        case .object(let members):
            for member in members {
                names.insert(member.name)
                if member.name != "fields" { collect(member.value, &names) }
            }
        case .array(let items): for item in items { collect(item, &names) }
        case .null, .bool, .number, .string: break
        }
    }
}
