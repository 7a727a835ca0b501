import GatewayTesting
import Testing

extension RealComponents.ChangingZoneTests {
    /// Every member of a real cluster is replaced by a new one with a new address, as people do it: the new one joins, the
    /// zone names it, the zone no longer names the old one, the old one leaves.
    @Test func allMembersReplacedOneByOne_whileAClientWrites_noNewConnectionFails() async throws {
        let cluster = try await EtcdCluster()
        let old = cluster.members
        var listings = Listing.of(old)
        let dns = try await NameServer(zone: "example.com", records: listings.flatMap(\.records))
        let gateway = try await GatewayProcess.ready([
            "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--removed-endpoint-grace=2s",
        ])
        let writes = RequestLoop(PlainRequest(putting: "value", to: "key", at: gateway.address), clients: 2)

        for (number, leaving) in old.enumerated() {
            let joining = try await cluster.addMember()
            let all = cluster.members.map(\.address)
            let kept = try await OpenSessions(2, through: gateway, among: all)
            let wasUsed = kept.byMember[leaving.address] != nil

            listings.append(Listing(name: "host\(number + 3)", host: joining.host))
            try await dns.update(listings.flatMap(\.records))
            try await eventually("the new member is known: \(gateway.process.errors)", within: .seconds(10)) {
                gateway.lines(with: "endpoint known", "host\(number + 3)") == 1
            }
            listings.removeFirst()
            try await dns.update(listings.flatMap(\.records))
            try await eventually("the old one is missing: \(gateway.process.errors)", within: .seconds(10)) {
                gateway.lines(with: Self.missing, "host\(number)") == 1
            }
            // What was begun on the old member is finished there.
            try await writes.wait(for: 10, startedAfter: .now)
            #expect(kept.ended == 0, "a kept session ends only by drain or with its member")
            if number == 0 {
                // A patient operator.
                try await eventually("the old one is drained: \(gateway.process.errors)", within: .seconds(20)) {
                    gateway.lines(with: Self.forgotten, "host\(number)") == 1
                }
                try await eventually("its sessions end", within: .seconds(10)) {
                    try !gateway.upstreams(among: all).contains(leaving.address)
                }
                #expect(kept.ended == (wasUsed ? 2 : 0))
            }
            try await cluster.removeMember(leaving)
            if !wasUsed { #expect(kept.ended == 0) }
        }

        try await writes.wait(for: 50, startedAfter: .now)
        let outcomes = try await writes.stop()
        let unanswered = outcomes.filter { !$0.isAnswered }.compactMap(\.failure)
        #expect(unanswered == [], "of \(outcomes.count); \(gateway.process.errors)")
        // Etcd itself may refuse a write while its leader goes.
        #expect(outcomes.count(where: \.isSuccess) * 10 > outcomes.count * 9)
        let survivors = Set(cluster.members.map(\.address))
        #expect(survivors.isDisjoint(with: old.map(\.address)))
        let etcdctl = try cluster.etcdctl(gateway.address)
        #expect(try await etcdctl("get", "key", "--print-value-only") == "value\n")
    }
}
