import Testing

@testable import Gateway

@Suite struct DepartureTests {
    private func settings(_ texts: [Setting: [String]]) throws -> Settings {
        try Settings.resolve(flags: texts, environment: [:], file: nil).result.get()
    }

    @Test func withoutAStore_sessionsHaveTheirTime() throws {
        #expect(Departure(.defaults, isStored: false) == .drained(within: .seconds(30)))
        #expect(Departure(try settings([.drainTimeout: ["5m"]]), isStored: false) == .drained(within: .seconds(300)))
        #expect(Departure(try settings([.drainTimeout: ["0"]]), isStored: false) == .atOnce)
    }

    @Test func withAStore_theyAreLeftToTheNextProcess_unlessSomebodyWantsThemDrained() throws {
        #expect(Departure(.defaults, isStored: true) == .atOnce)
        let drained = try settings([.drainOnStop: ["true"]])
        #expect(Departure(drained, isStored: true) == .drained(within: .seconds(30)))
        let hasty = try settings([.drainOnStop: ["true"], .drainTimeout: ["0"]])
        #expect(Departure(hasty, isStored: true) == .atOnce)
    }
}
