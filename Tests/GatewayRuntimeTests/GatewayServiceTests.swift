import Gateway
import GatewayTesting
import Logging
import ServiceLifecycle
import Testing

@testable import GatewayRuntime

/// The whole service in this process: it opens and closes everything that belongs to it.
struct GatewayServiceTests {
    private func settings(_ arguments: [Setting: [String]]) throws -> Settings {
        try Settings.resolve(flags: arguments, environment: [:], file: nil).result.get()
    }

    private func service(_ arguments: [Setting: [String]]) throws -> GatewayService {
        GatewayService(
            settings: try settings(arguments), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func servesAndEndsWhenItIsCancelled_againAndAgain_onTheSamePort() async throws {
        let server = try NamingServer("a")
        let listen = "127.0.0.1:\(try FreePort.next())"
        for _ in 0..<10 {
            let service = try service([.endpoints: [server.address.description], .listenAddresses: [listen]])
            let running = Task { try await service.run() }
            try await eventually("it serves") {
                try await (try? TestClient(SocketAddress(testing: listen)))?.receive() == .text("a")
            }
            running.cancel()
            await #expect(throws: CancellationError.self) { try await running.value }
        }
    }

    @Test func endsPromptly_whileQuestionsAndProbesAreUnderWay() async throws {
        let (names, silent) = (try ScriptedNameServer(.silence), try SilentServer())
        let service = try service([
            .endpoints: [silent.address.description], .discoveryDomain: ["example.com"], .dnsServers: [names.address],
            .listenAddresses: ["127.0.0.1:0"],
        ])
        let running = Task { try await service.run() }
        try await eventually("it asks") { !names.queries.isEmpty }
        let start = ContinuousClock.now
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
        #expect(ContinuousClock.now - start < .seconds(4))
    }

    @Test func listenerInUse_endsItWithTheReason_andNothingIsLeftBehind() async throws {
        let server = try NamingServer("taken")
        let service = try service([.listenAddresses: [server.address.description]])
        for _ in 0..<5 {
            await #expect(throws: SystemError(98, "listen on \(server.address)")) { try await service.run() }
        }
    }
}
