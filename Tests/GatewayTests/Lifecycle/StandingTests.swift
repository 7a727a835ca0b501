import Testing

@testable import Gateway

@Suite struct StandingTests {
    private func key(_ number: UInt8) -> EndpointKey {
        EndpointKey(host: .address(SocketAddress.host(UInt32(number)).ip), port: 2379)
    }

    private func standing(good: Int, bad: [UInt8], domain: String? = nil, sessions: UInt64, held: Int = 0) -> String {
        "\(Standing(good: good, bad: bad.map(key), discoveryDomain: domain, sessions: sessions, heldClients: held))"
    }

    @Test func allGood_isFigures() {
        #expect(standing(good: 3, bad: [], sessions: 12) == "3/3 endpoints, 12 sessions")
        #expect(standing(good: 1, bad: [], sessions: 1) == "1/1 endpoint, 1 session")
        #expect(standing(good: 2, bad: [9], sessions: 0) == "2/3 endpoints, 0 sessions")
    }

    @Test func nobodyGood_saysWhoIsWaitedFor() {
        #expect(standing(good: 0, bad: [1], sessions: 0) == "0/1 endpoint, waiting for 10.0.0.1:2379, 0 sessions")
        #expect(
            standing(good: 0, bad: [1, 2, 3, 4, 5], sessions: 0, held: 1)
                == "0/5 endpoints, waiting for 10.0.0.1:2379, 10.0.0.2:2379, 10.0.0.3:2379 and 2 more, 0 sessions, "
                + "1 client held")
    }

    @Test func noEndpoint_saysWhatIsAsked() {
        #expect(
            standing(good: 0, bad: [], domain: "example.com", sessions: 0, held: 2)
                == "no endpoint known; waiting for DNS to name those of example.com, 0 sessions, 2 clients held")
    }

    @Test func machine_countsPresentEndpointsOnly() {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        #expect("\(driver.machine.standing(sessions: 4))" == "2/2 endpoints, 4 sessions")
    }
}

extension StandingTests {
    @Test func stopping_countsDown_andOutOfServiceIsSaid() {
        var standing = Standing(good: 2, bad: [], discoveryDomain: nil, sessions: 12, heldClients: 0)
        standing.timeLeft = .milliseconds(16_001)
        #expect("\(standing)" == "stopping, 12 sessions left, 17 s")
        (standing.sessions, standing.timeLeft) = (1, .seconds(-1))
        #expect("\(standing)" == "stopping, 1 session left, 0 s")
        standing.sessions = 0
        #expect("\(standing)" == "stopping")
        let endpoint = EndpointKey(host: .address(SocketAddress.host(1).ip), port: 2379)
        let drained = Standing(
            good: 2, bad: [], discoveryDomain: nil, sessions: 3, heldClients: 0, drained: [endpoint])
        #expect("\(drained)" == "2/2 endpoints, 1 out of service, 3 sessions")
    }
}
