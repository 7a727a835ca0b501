import Foundation
import Gateway
import GatewayTesting

/// A gateway that can be looked at in every way that an operator has.
final class ObservedGateway: Sendable {
    let gateway: GatewayProcess
    /// Where its metrics are.
    let web: String
    private let folder: TemporaryFolder

    /// Starts one and waits until it serves.
    init(_ arguments: [String], environment: [String: String] = [:]) async throws {
        folder = try TemporaryFolder()
        web = "127.0.0.1:\(try FreePort.next())"
        gateway = try await GatewayProcess.ready(
            ["start", "--admin-socket=\(folder.path(of: "admin.sock"))", "--metrics-addr=\(web)"] + arguments,
            environment: environment)
    }

    /// The flag that leads a command to it.
    var socketFlag: String { "--admin-socket=\(folder.path(of: "admin.sock"))" }

    /// Runs a command beside it, to its end.
    func command(_ arguments: String...) async throws -> (
        output: String, errors: String, exit: GatewayTesting.ExitStatus
    ) {
        let process = try ChildProcess(ToolBox.gateway(), arguments + [socketFlag])
        let exit = try await process.waitForExit()
        return (process.output, process.errors, exit)
    }

    /// Its status, as JSON gives it.
    func status() async throws -> GatewayStatus {
        let text = try await WebRequest.run(web, "/status").body
        guard let status = JSON(parsing: text).flatMap({ GatewayStatus($0) }) else {
            throw TestingError("no status: \(text)")
        }
        return status
    }

    /// A value of its metrics.
    func metric(_ name: String) async throws -> Double? {
        let lines = try await WebRequest.run(web, "/metrics").body.split(separator: "\n")
        return lines.first { $0.hasPrefix(name + " ") }.flatMap { Double($0.dropFirst(name.count + 1)) }
    }
}
