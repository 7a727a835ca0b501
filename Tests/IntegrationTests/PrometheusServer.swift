import Foundation
import Gateway
import GatewayTesting

/// A real Prometheus, on a port of its own, that scrapes one gateway a few times a second under our own rules.
final class PrometheusServer: Sendable {
    private let folder: TemporaryFolder
    private let process: ChildProcess
    private let address: String

    /// A window in which there are always several scrapes, for `$__rate_interval`.
    static let rateInterval = "5s"

    /// Starts one, and waits until it has scraped `target` under the name `etcd-gateway`.
    init(scraping target: String, rules: String) async throws {
        folder = try TemporaryFolder()
        address = "127.0.0.1:\(try FreePort.next())"
        let settings = try folder.write(
            """
            global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1s}
            rule_files: ["\(rules)"]
            scrape_configs:
              - job_name: etcd-gateway
                static_configs: [{targets: ["\(target)"]}]

            """, to: "prometheus.yml")
        process = try ChildProcess(
            ToolBox.tool("prometheus"),
            [
                "--config.file=\(settings)", "--storage.tsdb.path=\(folder.path(of: "data"))",
                "--web.listen-address=\(address)", "--log.level=warn",
            ])
        try await eventually("it has scraped the gateway; it said: \(process.errors)") {
            guard process.isRunning else { throw TestingError("prometheus ended: \(process.errors)") }
            return (try? await count(of: "up{job=\"etcd-gateway\"} == 1")) == 1
        }
    }

    /// How many series an expression gives now. Throws what Prometheus says about one that it cannot evaluate.
    func count(of expression: String) async throws -> Int {
        let data = try await ask("/api/v1/query?query=\(AdminRequest.encoded(expression))")
        guard let result = data["result"]?.items else { throw TestingError("no result: \(data)") }
        return result.count
    }

    /// The rules as it has evaluated them: name and health; what is wrong where that is not `ok`.
    func rules() async throws -> [(name: String, health: String)] {
        let groups = try await ask("/api/v1/rules")["groups"]?.items ?? []
        return groups.flatMap { $0["rules"]?.items ?? [] }.map { rule in
            let error = rule["lastError"]?.text ?? ""
            return (rule["name"]?.text ?? "", (rule["health"]?.text ?? "none") + error)
        }
    }

    private func ask(_ path: String) async throws -> JSON {
        let answer = try await WebRequest.run(address, path)
        guard let json = JSON(parsing: answer.body), json["status"]?.text == "success", let data = json["data"] else {
            throw TestingError("\(path): \(answer.body)")
        }
        return data
    }
}
