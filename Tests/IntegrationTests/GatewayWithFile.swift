import Foundation
import GatewayTesting

/// A gateway whose settings stand in a file that a test changes.
final class GatewayWithFile: Sendable {
    let process: ChildProcess
    private let folder: TemporaryFolder
    private let file: String

    /// Starts it with these settings, and waits until it is ready.
    init(_ settings: [String: String], environment: [String: String] = [:]) async throws {
        folder = try TemporaryFolder()
        file = try folder.write(Self.text(settings), to: "settings")
        let arguments = ["start", "--config-file=\(file)", "--health-check=tcp", "--log-format=text"]
        process = try ChildProcess(ToolBox.gateway(), arguments, environment: environment)
        try await process.waitForText(GatewayProcess.readyText)
    }

    /// Changes the file.
    func write(_ settings: [String: String]) throws { try folder.write(Self.text(settings), to: "settings") }

    /// Changes the file, sends SIGHUP and waits until the log tells once more what came of it.
    func reload(_ settings: [String: String], until text: String = "settings reloaded") async throws {
        try write(settings)
        let before = count(text)
        process.send(SIGHUP)
        try await eventually("it says '\(text)'; it said: \(process.errors)") { count(text) > before }
    }

    private func count(_ text: String) -> Int { process.errors.components(separatedBy: text).count }

    /// One line each, in alphabetical order.
    private static func text(_ settings: [String: String]) -> String {
        settings.sorted { $0.key < $1.key }.map { "ETCD_GATEWAY_\($0.key)=\($0.value)\n" }.joined()
    }

    /// Where the second line of the file stands, as errors name it.
    var secondLine: String { "\(file):2" }
}
