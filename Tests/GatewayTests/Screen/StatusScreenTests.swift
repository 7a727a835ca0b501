import Testing

@testable import Gateway

@Suite struct StatusScreenTests {
    private func lines(_ status: GatewayStatus, looks: Int = 1, isColoured: Bool = false) -> [String] {
        var samples = StatusSamples()
        for look in 0..<looks {
            var earlier = status
            earlier.time = status.time - .seconds(looks - 1 - look)
            earlier.traffic.bytesDown = UInt64(look) * 1_500_000
            samples.add(earlier)
        }
        return StatusScreen(status, samples: samples, isColoured: isColoured).lines
    }

    @Test func screen_hasEveryPart_inAlignedColumns() throws {
        let lines = lines(StatusExample.status, looks: 2)
        #expect(lines[0] == "etcd-gateway 1.2.3  ready, not all endpoints work  up 1h2m, process 77")
        #expect(lines[1] == "policy pinned, listening on 127.0.0.1:23790")
        #expect(lines[2] == "sessions 1, 2 held because nobody answers")
        #expect(lines[3] == "bytes 0 B/s up, 1.50 MB/s down, 6 B up, 7 B down in all")
        let good = try #require(lines.firstIndex { $0.hasPrefix(">  infra0.example.com:2379  good") })
        let heading = lines[good - 1]
        let column = try #require(heading.firstRange(of: "STATE")).lowerBound
        #expect(lines[good][column...].hasPrefix("good") && lines[good + 1][column...].hasPrefix("down"))
        #expect(lines[good + 1].hasSuffix("http now  unreachable; next probe in 3.0s"))
        #expect(lines[good].hasSuffix("has not answered for 700ms"))
        #expect(lines.contains("discovery for example.com: the endpoints are those of DNS"))
        #expect(
            lines.contains { $0.contains("_etcd-client._tcp.example.com  SRV   failing") && $0.hasSuffix("timeout") })
        #expect(
            lines.contains {
                $0.hasSuffix("1m30s  warning  deactivated endpoint  address=infra1:2379 error=unreachable")
            })
        #expect(lines.allSatisfy { !$0.hasSuffix(" ") && !$0.contains("\u{1B}") })
    }

    @Test func colours_changeNothingButTheColours() {
        let plain = lines(StatusExample.status, looks: 5)
        let coloured = lines(StatusExample.status, looks: 5, isColoured: true)
        let bare = coloured.map { $0.replacing(#/\u{1B}\[[0-9]+m/#, with: "") }
        #expect(bare == plain && coloured != plain)
        #expect(coloured.contains { $0.contains("\u{1B}[31mdown\u{1B}[0m") && $0.contains("\u{1B}[1m>") == false })
    }

    @Test func severalLooks_giveSparklines() {
        #expect(!lines(StatusExample.status, looks: 2).joined().contains("▁"))
        let lines = lines(StatusExample.status, looks: 10)
        #expect(lines[2].hasSuffix("████████" + "██") && lines[3].hasSuffix("█"))
    }

    @Test func nobodyAndNothing_areSaidPlainly() {
        var status = StatusExample.status
        status.isReady = false
        #expect(lines(status)[0].contains("NOBODY ANSWERS"))
        status.endpoints = []
        #expect(lines(status)[0].contains("NO ENDPOINT KNOWN") && lines(status).contains("no endpoint is known"))
    }

    @Test func textOfOthers_cannotSteerTheTerminal() {
        var status = StatusExample.status
        status.events[0].line.message = "evil\u{1B}[2J\n"
        #expect(lines(status).allSatisfy { !$0.contains("\u{1B}") && !$0.contains("\n") })
    }

    @Test func sparkline_isScaledToTheLargest() {
        #expect(Sparkline.text([0, 1, 2, 3, 4, 5, 6, 7], width: 8) == "▁▂▃▄▅▆▇█")
        #expect(Sparkline.text([0, 0], width: 8) == "▁▁" && Sparkline.text([], width: 8) == "")
        #expect(Sparkline.text([100, 0, 50], width: 2) == "▁█")
    }

    @Test func figuresOfAnotherProcess_areNoRate() {
        var samples = StatusSamples()
        var status = StatusExample.status
        status.traffic.bytesUp = 1000
        samples.add(status)
        status.traffic.bytesUp = 10
        samples.add(status)
        #expect(samples.rates.isEmpty && samples.sessions.count == 1)
    }
}

@Suite struct SessionListTests {
    private func session(_ number: UInt64, client: String, idle: Duration?, up: UInt64, down: UInt64) -> SessionSummary
    {
        SessionSummary(
            number: number, loop: 1, client: client, endpoint: "e:1", state: .clientDone, age: .seconds(Int(number)),
            idle: idle, bytesUp: up, bytesDown: down)
    }

    private var all: [SessionSummary] {
        [
            session(1, client: "b", idle: .seconds(9), up: 1, down: 50),
            session(2, client: "c", idle: nil, up: 30, down: 2),
            session(3, client: "a", idle: .seconds(1), up: 2, down: 3),
        ]
    }

    @Test(
        arguments: [
            (SessionOrder.age, [3, 2, 1]), (.idle, [1, 3, 2]), (.bytes, [1, 2, 3]), (.up, [2, 3, 1]),
            (.down, [1, 3, 2]),
            (.client, [3, 1, 2]), (.endpoint, [3, 1, 2]),
        ] as [(SessionOrder, [UInt64])])
    func sessions_areSorted(order: SessionOrder, numbers: [UInt64]) {
        #expect(SessionList(all, by: order, limit: 10).sessions.map(\.number) == numbers)
    }

    @Test func limit_keepsTheFirst_andTheTotal() throws {
        let list = SessionList(all, by: .age, limit: 2)
        #expect(list.total == 3 && list.sessions.map(\.number) == [3, 2])
        #expect(list.lines(isColoured: false).last == "and 1 more")
        #expect(JSON(parsing: "\(list.json)").flatMap { SessionList($0) } == list)
        #expect(SessionList([], by: .age, limit: 2).lines(isColoured: false) == ["no session"])
    }
}
