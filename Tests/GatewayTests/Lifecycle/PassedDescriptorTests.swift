import Testing

@testable import Gateway

/// What a process passes to the program that it becomes.
@Suite struct PassedDescriptorTests {
    private static let passed = [
        PassedDescriptor(descriptor: 7, name: "store.table"), PassedDescriptor(descriptor: 9, name: "store.shelf.3"),
    ]

    private func environment(_ text: String) -> [String: String] { [PassedDescriptor.handoverVariable: text] }

    @Test func whatIsHandedOver_isFoundAgain_byThisProcessAlone() throws {
        let text = PassedDescriptor.handover(Self.passed, held: 0xfeed_7fff_ffff, ownProcess: 4711)
        let environment = environment(text)
        #expect(try PassedDescriptor.all(in: environment, ownProcess: 4711) == Self.passed)
        #expect(PassedDescriptor.held(in: environment, ownProcess: 4711) == 0xfeed_7fff_ffff)
        #expect(try PassedDescriptor.all(in: environment, ownProcess: 4712).isEmpty)
        #expect(PassedDescriptor.held(in: environment, ownProcess: 4712) == 0)
    }

    /// A program of the first version neither says nor knows that descriptors are held.
    @Test func withoutHeldDescriptors_theTextIsThatOfTheFirstVersion() throws {
        let text = PassedDescriptor.handover(Self.passed, ownProcess: 4711)
        #expect(text == "4711 7=store.table 9=store.shelf.3")
        #expect(PassedDescriptor.held(in: environment(text), ownProcess: 4711) == 0)
    }

    /// What the manager does not have as well must not be taken for safe.
    @Test func whatIsOnlyOurs_isKnownAsThat() throws {
        let passed = [
            PassedDescriptor(descriptor: 7, name: "store.table"),
            PassedDescriptor(descriptor: 8, name: "store.shelf.3", isKept: false),
            PassedDescriptor(descriptor: 17, name: "store.shelf.3", isKept: false),
        ]
        let text = PassedDescriptor.handover(passed, held: 1, ownProcess: 4711)
        #expect(text == "4711 7=store.table 8=store.shelf.3 17=store.shelf.3 held=1 own=8,17")
        #expect(try PassedDescriptor.all(in: environment(text), ownProcess: 4711) == passed)
        #expect(PassedDescriptor.held(in: environment(text), ownProcess: 4711) == 1)
    }

    @Test(arguments: [
        "store.probe", "store.probe.12", "store.shelf", "store.shelf.1024", "store.shelf.-1", "store.", "store.x.y",
    ])
    func nameOfOurs_thatSaysNothing_isNoSocketOfOthers(name: String) throws {
        let stored = try #require(PassedDescriptor(descriptor: 3, name: name).storedAs)
        guard case .other = stored else { return #expect(Bool(false), "\(stored)") }
        #expect(stored.text == name)
    }

    @Test(arguments: ["", "4711", "4711 held=", "4711 held=xyz", "4711 held=-1", "4711 held=1ffffffffffffffff"])
    func textWithoutASensibleNumber_holdsNothing(text: String) {
        #expect(PassedDescriptor.held(in: environment(text), ownProcess: 4711) == 0)
    }
}
