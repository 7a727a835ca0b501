import Testing

@testable import Gateway

@Suite struct NoticePaceTests {
    private let a = EndpointKey(host: .name("a"), port: 1)
    private let b = EndpointKey(host: .name("b"), port: 1)

    @Test func fiveLinesInAMinute_thenSilence_thenWhatWasMissed() {
        var pace = NoticePace()
        let verdicts = (0..<8).map { pace.verdict(on: .endpointUp(a), at: .at(Double($0))) }
        #expect(verdicts == [.tell, .tell, .tell, .tell, .tellAsLast, .suppress, .suppress, .suppress])
        #expect(pace.nextDue == .at(60))
        #expect(pace.over(at: .at(59)) == [])
        #expect(pace.over(at: .at(60)) == [NoticePace.Silence(endpoint: a, suppressed: 3)])
        #expect(pace.nextDue == nil && pace.verdict(on: .endpointUp(a), at: .at(61)) == .tell)
    }

    @Test func silenceInWhichNothingCame_isNotSpokenOf() {
        var pace = NoticePace()
        for second in 0..<5 { _ = pace.verdict(on: .endpointDown(a, .silent(.refused)), at: .at(Double(second))) }
        #expect(pace.over(at: .at(100)) == [] && pace.nextDue == nil)
    }

    @Test func seldomLines_areNeverKeptBack() {
        var pace = NoticePace()
        for minute in 0..<100 {
            #expect(pace.verdict(on: .endpointUp(a), at: .at(Double(minute) * 61)) == .tell)
            #expect(pace.nextDue == nil)
        }
    }

    @Test func endpoints_haveTheirOwnPace_andOtherNoticesNone() {
        var pace = NoticePace()
        for _ in 0..<10 { _ = pace.verdict(on: .endpointUp(a), at: .at(1)) }
        #expect(pace.verdict(on: .endpointUp(b), at: .at(1)) == .tell)
        for _ in 0..<10 { #expect(pace.verdict(on: .nobodyLeft, at: .at(1)) == .tell) }
    }
}
