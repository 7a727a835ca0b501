import Testing

@testable import Gateway

@Suite struct CheckReportTests {
    private let address = SocketAddress.host(1)

    @Test func nothingWrong_isZero_andSaidSo() {
        var report = CheckReport()
        report.add(.fine, "a")
        report.add(.note, "b")
        #expect(report.exitCode == 0)
        #expect(report.lines(isColoured: false) == ["ok     a", "note   b", "nothing is wrong"])
    }

    @Test func trouble_isOne_andComesWithAdvice() {
        var report = CheckReport()
        report.add(.trouble, "a", advice: "do b")
        report.add(.trouble, "c\u{1B}[2J")
        #expect(report.exitCode == 1 && report.troubles == 2)
        #expect(
            report.lines(isColoured: false)
                == ["WRONG  a", "       -> do b", "WRONG  c\\u{1b}[2J", "2 things are wrong"])
    }

    @Test func probes_areFineOrTrouble_andTroubleHasAdvice() {
        let outcomes: [(ProbeOutcome, CheckReport.Verdict)] = [
            (.connected, .note), (.tlsAnswered, .fine), (.http(.healthy), .fine),
            (.http(.unhealthy(.noLeader)), .trouble),
            (.http(.unhealthy(.learner)), .trouble), (.unusable(.wantsTLS), .trouble),
            (.unusable(.untrusted), .trouble),
            (.failed(.refused, .dialing), .trouble), (.failed(.timedOut, .dialing), .trouble),
            (.failed(.timedOut, .connected), .trouble), (.failed(.refused, .secured), .trouble),
            (.failed(.unreachable, .dialing), .trouble), (.failed(.local, .dialing), .trouble),
        ]
        for (outcome, verdict) in outcomes {
            let finding = CheckReport.Finding("infra0:2379", at: address, .http, outcome)
            #expect(finding.verdict == verdict && finding.text.hasPrefix("infra0:2379 at 10.0.0.1:2379"), "\(outcome)")
            #expect((finding.advice != nil) == (verdict == .trouble), "\(outcome)")
        }
        let bare = CheckReport.Finding("10.0.0.1:2379", at: address, .tcp, .failed(.refused, .dialing))
        #expect(bare.text == "10.0.0.1:2379: connection refused")
    }

    @Test func answersOfDNS_areFine_orTroubleForWhoNeedsThem() {
        let question = Question.addresses("infra0", .v4)
        let found = CheckReport.Finding(question, .addresses([address.ip], timeToLive: .seconds(60)), isNeeded: true)
        #expect(found.verdict == .fine && found.text == "infra0 is at 10.0.0.1 (for 1m)")
        #expect(CheckReport.Finding(question, .nothing(timeToLive: nil), isNeeded: true).verdict == .trouble)
        #expect(CheckReport.Finding(question, .nothing(timeToLive: nil), isNeeded: false).verdict == .note)
        #expect(CheckReport.Finding(question, .failed("timeout"), isNeeded: false).verdict == .trouble)
        let services = Question.services("_etcd-client._tcp.x")
        let record = ServiceRecord(priority: 0, weight: 0, port: 2379, target: "a.x")
        #expect(
            CheckReport.Finding(services, .services([record], timeToLive: .seconds(1)), isNeeded: false).text
                == "_etcd-client._tcp.x names a.x:2379 (for 1.0s)")
    }
}
