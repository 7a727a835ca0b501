import Gateway
import GatewayTesting
import Testing

@Suite struct EndpointVerificationTests {
    private let address = SocketAddress(ip: .v4(0x0A00_0001), port: 2379)
    private let other = SocketAddress(ip: .v4(0x0A00_0002), port: 2379)
    private let start = Instant.zero

    private func verification(
        _ findings: CertificateFinding..., at times: [Duration]
    ) -> (EndpointVerification, [EndpointVerification.State?]) {
        var (verification, generator) = (EndpointVerification(), SeededGenerator(seed: 1))
        verification.addressesKnown([address], at: start)
        var news: [EndpointVerification.State?] = []
        for (finding, time) in zip(findings, times) {
            _ = verification.takeDue(at: start + time)
            news.append(verification.ended(address, finding, at: start + time, using: &generator))
        }
        return (verification, news)
    }

    @Test func newAddress_isAskedAtOnce_andDialedOnlyWhenItIsProven() {
        var verification = EndpointVerification()
        verification.addressesKnown([address, other], at: start)
        #expect(!verification.isVerified(address))
        #expect(verification.takeDue(at: start) == [address, other])
        #expect(verification.takeDue(at: start).isEmpty, "each is under way")
        var generator = SeededGenerator(seed: 1)
        #expect(verification.ended(address, .verified(notAfter: 0), at: start, using: &generator) == .verified)
        #expect(verification.isVerified(address) && !verification.isVerified(other))
    }

    @Test func anotherProof_isWantedAtOnce_andWhatIsProvenStaysUntilTheAnswer() {
        var (verification, _) = verification(.verified(notAfter: 0), at: [.zero])
        var generator = SeededGenerator(seed: 1)
        verification.restart(at: start + .seconds(1))
        #expect(verification.isVerified(address) && verification.takeDue(at: start + .seconds(1)) == [address])
        #expect(verification.ended(address, .refused("no"), at: start + .seconds(2), using: &generator) == .refused)
    }

    @Test func answerToTheOldQuestion_isNoAnswerToTheNewOne() {
        var (verification, generator) = (EndpointVerification(), SeededGenerator(seed: 1))
        verification.addressesKnown([address], at: start)
        _ = verification.takeDue(at: start)
        verification.restart(at: start)
        #expect(verification.takeDue(at: start) == [address], "it is asked once more")
        #expect(verification.ended(address, .verified(notAfter: 0), at: start, using: &generator) == nil)
        #expect(!verification.isVerified(address))
        #expect(verification.ended(address, .refused("no"), at: start, using: &generator) == .refused)
    }

    @Test func provenAddress_isAskedAgainAfterAnHour_andNotSooner() {
        let (verification, _) = verification(.verified(notAfter: 0), at: [.zero])
        #expect(verification.nextDue == start + .seconds(3600))
    }

    @Test func provenAddress_thatCannotBeAsked_staysProven_andOneThatChanged_doesNot() {
        let gone = CertificateFinding.unreachable(.refused, .dialing)
        let (kept, news) = verification(.verified(notAfter: 0), gone, at: [.zero, .seconds(3600)])
        #expect(kept.isVerified(address) && news == [.verified, nil])
        let (lost, told) = verification(.verified(notAfter: 0), .refused("x"), at: [.zero, .seconds(3600)])
        #expect(!lost.isVerified(address) && told == [.verified, .refused])
    }

    @Test func addressThatIsDown_isTriedAgainForEver_withinAMinute() {
        var (verification, generator) = (EndpointVerification(), SeededGenerator(seed: 7))
        verification.addressesKnown([address], at: start)
        var now = start
        for _ in 0..<100 {
            #expect(verification.takeDue(at: now) == [address])
            _ = verification.ended(address, .unreachable(.timedOut, .dialing), at: now, using: &generator)
            guard let due = verification.nextDue else {
                Issue.record("it is never asked again")
                return
            }
            #expect(due > now && due - now <= .seconds(60))
            now = due
        }
    }

    @Test func refusedAddress_isAskedAgain_andWelcomeWithARightCertificate() {
        let (verification, news) = verification(.refused("x"), .verified(notAfter: 0), at: [.zero, .seconds(60)])
        #expect(news == [.refused, .verified] && verification.isVerified(address))
    }

    @Test func addressThatIsNoLongerThere_isForgotten() {
        var (verification, _) = verification(.verified(notAfter: 0), at: [.zero])
        verification.addressesKnown([other], at: start)
        #expect(!verification.isVerified(address) && verification.takeDue(at: start) == [other])
    }
}
