import Gateway
import GatewayTesting
import Testing

@Suite struct DiscoverySourceTests {
    private func source(isInsecure: Bool = false, requiresTLS: Bool = false) -> DiscoverySource {
        DiscoverySource(domain: "x", suffix: nil, isInsecure: isInsecure, requiresTLS: requiresTLS)
    }

    private func services(_ targets: String..., port: UInt16 = 2379) -> Answer {
        let records = targets.map { ServiceRecord(priority: 0, weight: 1, port: port, target: $0) }
        return .services(records, timeToLive: .seconds(60))
    }

    /// What the names know after these answers, so far apart that each question is due again.
    private func names(_ source: DiscoverySource, _ answers: [(isTLS: Bool, Answer)]) -> NameWatch {
        var generator = SeededGenerator(seed: 1)
        var names = NameWatch(timing: NameWatch.Timing(minimumTTL: .seconds(1), maximumTTL: .seconds(300)))
        names.watch(source.questions, at: .zero)
        for (index, (isTLS, answer)) in answers.enumerated() {
            let now = Instant.at(Double(index) * 1_000)
            _ = names.takeDue(at: now)
            _ = names.answered(isTLS ? source.tls : source.plain, answer, at: now, using: &generator)
        }
        return names
    }

    private func keys(_ source: DiscoverySource, _ answers: [(isTLS: Bool, Answer)]) -> [String]? {
        source.declarations(from: names(source, answers))?.map(\.key.description)
    }

    @Test func nothingIsKnown_beforeTheSSLQuestionIsSettled() {
        #expect(keys(source(), []) == nil)
        #expect(keys(source(), [(false, services("p"))]) == nil)
    }

    @Test func sslRecords_hidePlainOnes_inEitherOrder() {
        #expect(keys(source(), [(true, services("s")), (false, services("p"))]) == ["s:2379"])
        #expect(keys(source(), [(false, services("p")), (true, services("s"))]) == ["s:2379"])
    }

    @Test func plainRecords_countWhereThereAreNoSSLOnes() {
        #expect(keys(source(), [(true, .nothing(timeToLive: nil)), (false, services("p"))]) == ["p:2379"])
    }

    @Test func aFailingSSLQuestion_countsAsNone_afterThreeFailuresInARow() {
        var watch = NameWatch(timing: NameWatch.Timing(minimumTTL: .seconds(1), maximumTTL: .seconds(300)))
        var generator = SeededGenerator(seed: 1)
        let source = source()
        watch.watch(source.questions, at: .zero)
        _ = watch.takeDue(at: .zero)
        _ = watch.answered(source.plain, services("p"), at: .zero, using: &generator)
        for failure in 1...3 {
            let now = Instant.at(Double(failure) * 10)
            if failure > 1 { _ = watch.takeDue(at: now) }
            _ = watch.answered(source.tls, .failed("SERVFAIL"), at: now, using: &generator)
            #expect(source.declarations(from: watch)?.count == (failure < 3 ? nil : 1), "\(failure) failures")
        }
    }

    @Test func sslRecordsThatVanished_stay_andPlainOnesAreNotUsed() {
        let answers = [(true, services("s")), (false, services("p")), (true, .nothing(timeToLive: nil))]
        #expect(keys(source(), answers) == ["s:2379"])
        #expect(keys(source(), answers + [(true, .failed("x"))]) == ["s:2379"])
    }

    @Test func insecure_bothCount() {
        let both = [(true, services("s")), (false, services("p"))]
        #expect(keys(source(isInsecure: true), both) == ["s:2379", "p:2379"])
        #expect(keys(source(isInsecure: true), both + [(true, .failed("x"))]) == ["s:2379", "p:2379"])
    }

    @Test func insecure_aServiceThatVanished_isGone_whileTheOtherHasRecords() {
        let both = [(true, services("s")), (false, services("p"))]
        let source = source(isInsecure: true)
        let tlsGone = names(source, both + [(true, .nothing(timeToLive: nil))])
        #expect(source.declarations(from: tlsGone)?.map(\.key.description) == ["p:2379"])
        #expect(Set(source.deciding(in: tlsGone)) == [source.tls, source.plain])
        let bothGone = both + [(true, .nothing(timeToLive: nil)), (false, .nothing(timeToLive: nil))]
        #expect(keys(source, bothGone) == ["s:2379", "p:2379"])
    }

    @Test func requiredTLS_neverAsksForPlainOnes_unlessInsecure() {
        #expect(source(requiresTLS: true).questions == [source().tls])
        #expect(keys(source(requiresTLS: true), [(true, .nothing(timeToLive: nil))]) == [])
        #expect(source(isInsecure: true, requiresTLS: true).questions.count == 2)
    }

    @Test func unusableRecords_areLeftOut() {
        #expect(keys(source(), [(true, services("s", "."))]) == ["s:2379"])
        #expect(keys(source(), [(true, services("s", port: 0)), (false, services("p"))]) == ["p:2379"])
        #expect(keys(source(), [(true, services("10.0.0.1"))]) == ["10.0.0.1:2379"])
    }

    @Test func targets_areAbsolute_andKnowTheirOrigin() throws {
        let known = names(source(), [(true, services("S.example"))])
        let declaration = try #require(source().declarations(from: known)?.first)
        #expect(declaration.key.host == .name("s.example."))
        #expect(declaration.origin == .discoveredTLS && declaration.speaksTLS == true)
    }

    @Test func hasNothing_onlyWhenAllWereTried() {
        let source = source()
        #expect(!source.hasNothing(in: names(source, [])))
        #expect(!source.hasNothing(in: names(source, [(true, .nothing(timeToLive: nil))])))
        #expect(source.hasNothing(in: names(source, [(true, .nothing(timeToLive: nil)), (false, .failed("x"))])))
        #expect(!source.hasNothing(in: names(source, [(true, .failed("x")), (false, services("p"))])))
        #expect(source.hasNothing(in: names(source, [(true, services(".")), (false, .nothing(timeToLive: nil))])))
    }
}
