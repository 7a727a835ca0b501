import Gateway
import Testing

@Suite struct LivenessTests {
    @Test func firstLook_blamesNobody() {
        var liveness = Liveness()
        #expect(liveness.looked([0, 0]).isEmpty)
    }

    @Test func whoHasNotComeRound_isNamed_untilItDoes() {
        var liveness = Liveness()
        #expect(liveness.looked([1, 1, 1]).isEmpty)
        #expect(liveness.looked([2, 1, 1]) == [1, 2])
        #expect(liveness.looked([3, 1, 2]) == [1])
        #expect(liveness.looked([4, 7, 3]).isEmpty)
        #expect(liveness.looked([4, 7, 3]) == [0, 1, 2])
    }
}
