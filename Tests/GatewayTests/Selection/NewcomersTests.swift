import Testing

@testable import Gateway

@Suite struct NewcomersTests {
    @Test func theyJoinTogether_whenNobodyIsAwaited() {
        var newcomers = Newcomers()
        newcomers.declared(.number(0), at: .zero)
        newcomers.declared(.number(1), at: .zero)
        newcomers.update(at: .at(0.01)) { $0.slot == 1 }
        #expect(newcomers.contains(.number(0)) && newcomers.contains(.number(1)))
        newcomers.update(at: .at(0.02)) { _ in false }
        #expect(!newcomers.contains(.number(0)) && newcomers.deadline == nil)
    }

    @Test func patienceEnds_fromTheFirstOn() {
        var newcomers = Newcomers()
        newcomers.declared(.number(0), at: .zero)
        newcomers.declared(.number(1), at: .at(0.1))
        #expect(newcomers.deadline == .at(0.2))
        newcomers.update(at: .at(0.2)) { _ in true }
        #expect(!newcomers.contains(.number(1)) && newcomers.deadline == nil)
    }
}
