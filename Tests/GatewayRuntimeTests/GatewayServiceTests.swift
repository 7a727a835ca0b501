import Gateway
import GatewayTesting
import Glibc
import Logging
import ServiceLifecycle
import Testing

@testable import GatewayRuntime

private func service(_ arguments: [Setting: [String]]) throws -> GatewayService {
    let settings = try Settings.resolve(flags: arguments, environment: [:], file: nil).result.get()
    return GatewayService(settings: settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
}

/// The whole service in this process: it opens and closes everything that belongs to it.
struct GatewayServiceTests {
    // In a process of its own: a child that is being started elsewhere holds listeners for a moment.
    @Test func servesAndEndsWhenItIsCancelled_againAndAgain_onTheSamePort_leavingNoDescriptor() async {
        await #expect(processExitsWith: .success) {
            let server = try NamingServer("a")
            let listen = "127.0.0.1:\(try FreePort.next())"
            var descriptors: [Int] = []
            for _ in 0..<10 {
                let service = try service([.endpoints: [server.address.description], .listenAddresses: [listen]])
                let running = Task { try await service.run() }
                try await eventually("it serves") {
                    try await (try? TestClient(SocketAddress(testing: listen)))?.receive() == .text("a")
                }
                running.cancel()
                guard case .failure(is CancellationError) = await running.result else { exit(1) }
                server.hangUp()
                descriptors.append(openDescriptors())
            }
            guard let first = descriptors.first, let last = descriptors.last, last <= first + 5 else { exit(2) }
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
            await #expect(throws: SystemError(EADDRINUSE, "listen on \(server.address)")) { try await service.run() }
        }
    }
}
