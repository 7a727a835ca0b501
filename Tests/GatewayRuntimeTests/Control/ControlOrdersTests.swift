import Gateway
import GatewayTesting
import Logging
import Testing

@testable import GatewayRuntime

/// What an administrator orders, and what he is answered.
struct ControlOrdersTests {
    private func withControl(_ endpoints: String, _ body: (Control, PublishedPlan) async throws -> Void) async throws {
        let flags: [Setting: [String]] = [.endpoints: [endpoints], .healthCheck: ["tcp"], .healthInterval: ["0"]]
        let settings = try Settings.resolve(flags: flags, environment: [:], file: nil).result.get()
        let options = ControlOptions(settings)
        let published = PublishedPlan(
            DialPlan(targets: [], good: 0, spread: 0, policy: options.policy, timing: options.timing))
        try await withControlLoop { executor in
            let resolver = Resolver(executor: executor, servers: [])
            let control = Control(
                executor: executor, options: options, resolver: resolver, published: published, held: HeldClients(),
                files: TLSFiles(), stateFile: nil,
                about: ProgramFacts(unixListeners: [], logChoice: LogChoice(form: .text, level: .info)),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await resolver.open()
            await control.start(runners: [], listeners: [])
            do {
                try await body(control, published)
            } catch {
                Issue.record(error)
            }
            await control.close()
            await resolver.close()
        }
    }

    private func ports(_ published: PublishedPlan) -> Set<UInt16> {
        Set(published.makeCache().plan.targets.flatMap(\.addresses).map(\.port))
    }

    @Test func drain_takesOutWhoIsMeant_howeverItIsWritten_andUndrainPutsItBack() async throws {
        try await withControl("192.0.2.1,192.0.2.1:7") { control, published async throws in
            #expect(ports(published) == [2379, 7])
            for text in ["192.0.2.1", "http://192.0.2.1:2379", "192.0.2.1:2379"] {
                let said = try await control.drain(text)
                #expect(said.contains("192.0.2.1:2379") && said.contains("in 30s") && ports(published) == [7])
                #expect(await control.standing.drained.map { "\($0)" } == ["192.0.2.1:2379"])
                #expect(try await control.undrain(text) == "192.0.2.1:2379 is in service again")
                #expect(ports(published) == [2379, 7])
            }
            #expect(try await control.drain("192.0.2.1:7", atOnce: true).contains("reset now"))
        }
    }

    @Test func lastOne_isSaidToServeOn() async throws {
        try await withControl("192.0.2.1") { control, published async throws in
            #expect(try await control.drain("192.0.2.1").contains("serves on"))
            #expect(ports(published) == [2379])
        }
    }

    @Test func unknownOne_isAnsweredWithThoseThatAreKnown() async throws {
        try await withControl("192.0.2.1") { control, _ async throws in
            for text in ["192.0.2.9", "", "no endpoint at all\u{1B}"] {
                let error = await #expect(throws: OrderError.self) { try await control.drain(text) }
                #expect(error?.description.contains("known are 192.0.2.1:2379") == true)
                #expect(error?.description.contains("\u{1B}") == false)
            }
            await #expect(throws: OrderError("192.0.2.1:2379 is in service already")) {
                try await control.undrain("192.0.2.1")
            }
        }
    }

    @Test func reload_withNothingThatReloads_isRefused() async throws {
        try await withControl("192.0.2.1") { control, _ async throws in
            await #expect(throws: OrderError.self) { try await control.reload() }
        }
    }
}
