import Testing

@testable import Gateway

/// What one process counts and the next one adds to its own.
@Suite struct TotalsTests {
    private let known = EndpointKey(host: .name("infra0.example.com"), port: 2379)
    private let forgotten = EndpointKey(host: .name("infra7.example.com"), port: 2379)

    private func snapshot(
        _ traffic: [EndpointKey: EndpointTraffic], bytesUp: UInt64, errors: [(error: String, count: UInt64)]
    ) -> MetricsSnapshot {
        var status = StatusExample.status
        (status.traffic.bytesUp, status.traffic.bytesDown) = (bytesUp, 0)
        return MetricsSnapshot(
            status: status, startedAt: WallTime(milliseconds: 0), traffic: traffic,
            sessionTimes: Histogram(bounds: Histogram.sessionBounds), ends: [],
            acceptErrors: errors, acceptPauses: [("EMFILE", 1)], failovers: Tally<FailoverReason>(),
            counts: MetricsSnapshot.Counts(), loops: [])
    }

    private func traffic(up: UInt64) -> EndpointTraffic {
        var traffic = EndpointTraffic()
        traffic.bytesUp = up
        return traffic
    }

    @Test func errorsOfAccept_goOnByTheirNames_alsoOnesThatHaveNotHappenedAgain() throws {
        let totals = snapshot([:], bytesUp: 0, errors: [("ECONNABORTED", 2), ("EPROTO", 1)]).totals
        var next = snapshot([:], bytesUp: 0, errors: [("ECONNABORTED", 3), ("EMFILE", 0)])
        next.add(totals)
        let counts = Dictionary(uniqueKeysWithValues: next.acceptErrors.map { ($0.error, $0.count) })
        #expect(counts == ["ECONNABORTED": 5, "EMFILE": 0, "EPROTO": 1])
        #expect(next.acceptPauses.map(\.count) == [2])
    }

    @Test func bytesOfForgottenEndpoints_stayInTheSum_overAndOver() {
        // 100 bytes in all, 70 of them by endpoints that are known.
        let first = snapshot([known: traffic(up: 30), forgotten: traffic(up: 40)], bytesUp: 100, errors: []).totals
        var present = [known: traffic(up: 5)]
        first.add(to: &present)
        #expect(present[known]?.bytesUp == 35)
        #expect(first.forgotten(besides: present).up == 70)
        let sum = 35 + first.forgotten(besides: present).up
        let second = snapshot(present, bytesUp: sum, errors: []).totals
        #expect(second.forgotten(besides: present).up == 70)
        #expect(second.forgotten(besides: [:]).up == 105)
    }

    @Test func sumThatIsLessThanItsParts_isNoTrap() {
        #expect(snapshot([known: traffic(up: 30)], bytesUp: 10, errors: []).totals.forgotten(besides: [:]).up == 30)
    }
}
