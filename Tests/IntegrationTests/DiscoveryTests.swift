import GatewayTesting
import Testing

extension RealComponents {
    /// Members found by SRV and address records of a real name server, and of one that misbehaves on command.
    @Suite(.serialized)
    struct DiscoveryTests {
        private static let service = "_etcd-client._tcp"

        @Test func documentedCommandLine_withBareHostNames_servesOnTheDefaultPort() async throws {
            let cluster = try await EtcdCluster()
            let dns = try await NameServer(zone: "example.com", records: cluster.addressRecords)
            let gateway = try await GatewayProcess.ready([
                "start", "--endpoints=infra0.example.com,infra1.example.com,infra2.example.com",
                "--dns-server=\(dns.address)",
            ])
            let ready = try #require(gateway.readyLine)
            for name in ["infra0.example.com", "infra1.example.com", "infra2.example.com"] {
                #expect(ready.contains(name))
            }
            let etcdctl = try cluster.etcdctl(gateway.address)
            try await etcdctl("put", "greeting", "hello")
            #expect(try await etcdctl("get", "greeting", "--print-value-only") == "hello\n")
        }

        @Test func documentedCommandLine_withPlainRecordsOnly_servesAndWarnsOnce() async throws {
            let cluster = try await EtcdCluster()
            let dns = try await NameServer(
                zone: "example.com", records: cluster.addressRecords + cluster.serviceRecords(Self.service))
            let gateway = try await GatewayProcess.ready([
                "--discovery-srv=example.com", "--dns-server=\(dns.address)",
            ])
            #expect(await PlainRequest(at: gateway.address).run().failure == nil)
            let ready = try #require(gateway.readyLine)
            #expect(ready.contains("infra0.example.com"))
            #expect(gateway.log.count { $0.contains("authenticate") } == 1, "in: \(gateway.log)")
        }

        @Test func sslRecords_arePreferredToPlainOnes_withoutAWarning() async throws {
            let cluster = try await EtcdCluster(security: .tls)
            let nobody = ZoneRecord.srv(service: Self.service, port: try FreePort.next(), target: "infra0")
            let dns = try await NameServer(
                zone: "example.com",
                records: cluster.addressRecords + cluster.serviceRecords("_etcd-client-ssl._tcp") + [nobody])
            let gateway = try await GatewayProcess.ready([
                "--discovery-srv=example.com", "--dns-server=\(dns.address)",
            ])
            let etcdctl = try cluster.etcdctl(gateway.address)
            for _ in 0..<5 {
                try await etcdctl("put", "greeting", "hello")
            }
            #expect(gateway.log.count { $0.contains("authenticate") } == 0, "in: \(gateway.log)")
        }

        @Test func discoveryName_choosesOneOfSeveralClustersOfADomain() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let nobody = ZoneRecord.srv(service: Self.service, port: try FreePort.next(), target: "infra0")
            let dns = try await NameServer(
                zone: "example.com",
                records: cluster.addressRecords + cluster.serviceRecords("_etcd-client-blue._tcp") + [nobody])
            let gateway = try await GatewayProcess.ready([
                "--discovery-srv=example.com", "--discovery-srv-name=blue", "--dns-server=\(dns.address)",
            ])
            #expect(await PlainRequest(at: gateway.address).run().failure == nil)
        }

        @Test func lowerTier_servesOnlyWhileTheUpperOneIsDown() async throws {
            let clusters = try await [EtcdCluster(size: 1), EtcdCluster(size: 1), EtcdCluster(size: 1)]
            let members = clusters.flatMap(\.members)
            let upper = members[0]
            let records = members.enumerated().flatMap { number, member in
                [
                    ZoneRecord.a("host\(number)", member.host),
                    .srv(service: Self.service, priority: number == 0 ? 1 : 2, port: 2379, target: "host\(number)"),
                ]
            }
            let dns = try await NameServer(zone: "example.com", records: records)
            let gateway = try await GatewayProcess.ready([
                "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--retry-delay=1s",
            ])
            #expect(try await usedMembers(of: gateway, among: members, connections: 20) == [upper.address])

            try await upper.kill()
            let used = try await usedMembers(of: gateway, among: members, connections: 20)
            #expect(!used.isEmpty && !used.contains(upper.address))

            try upper.start()
            try await clusters[0].waitUntilHealthy(upper)
            try await eventually("new sessions go to the upper tier again") {
                try await usedMembers(of: gateway, among: members, connections: 1) == [upper.address]
            }
        }

        @Test func nameServerDownAtStart_listensAndServesWhenItAnswers() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let dns = try await NameServer(
                zone: "example.com", records: cluster.addressRecords + cluster.serviceRecords(Self.service),
                isStarted: false)
            let gateway = try GatewayProcess([
                "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--hold-timeout=1m",
            ])
            try await gateway.waitUntilItListens()
            async let held = PlainRequest(at: gateway.address, within: .seconds(60)).run()
            try await dns.start()
            #expect(await held.failure == nil)
        }

        @Test(arguments: [
            ScriptedNameServer.Behaviour.nameError, .serverFailure, .refused, .silence, .garbage([1, 2]),
        ])
        func nameServerThatFailsAtFirst_isAskedAgain(failure: ScriptedNameServer.Behaviour) async throws {
            let cluster = try await EtcdCluster(size: 1)
            let dns = try ScriptedNameServer(failure)
            let gateway = try GatewayProcess([
                "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--hold-timeout=1m",
            ])
            try await gateway.waitUntilItListens()
            try await eventually("it asks; it logged: \(gateway.process.errors)") { !dns.queries.isEmpty }
            async let held = PlainRequest(at: gateway.address, within: .seconds(60)).run()
            dns.behaviour = .answer(cluster.absoluteRecords(service: Self.service, domain: "example.com"))
            #expect(await held.failure == nil, "it logged: \(gateway.process.errors)")
        }

        @Test func recordsCreatedAfterStart_areFound() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let dns = try await NameServer(zone: "example.com", records: cluster.addressRecords)
            let gateway = try GatewayProcess([
                "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--hold-timeout=1m",
            ])
            try await gateway.waitUntilItListens()
            async let held = PlainRequest(at: gateway.address, within: .seconds(60)).run()
            try await dns.update(cluster.addressRecords + cluster.serviceRecords(Self.service))
            #expect(await held.failure == nil, "it logged: \(gateway.process.errors)")
        }

        @Test func nameServerDownAtRunTime_changesNothing() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let records = [
                ZoneRecord.a("host", cluster.members[0].host, ttl: 1),
                .srv(service: Self.service, port: 2379, target: "host", ttl: 1),
            ]
            let dns = try await NameServer(zone: "example.com", records: records)
            let gateway = try await GatewayProcess.ready([
                "--discovery-srv=example.com", "--dns-server=\(dns.address)",
            ])
            try await dns.kill()
            // Beyond the records' time to live, so that it has asked in vain.
            let requests = RequestLoop(PlainRequest(at: gateway.address), clients: 1)
            let killedAt = ContinuousClock.now
            try await eventually("three seconds of requests") {
                requests.outcomes.contains { $0.startedAt > killedAt + .seconds(3) }
            }
            #expect(try await requests.stop().compactMap(\.failure) == [])
        }

        @Test func truncatedAnswerOfEightyRecords_isReadOverTCP() async throws {
            let cluster = try await EtcdCluster(size: 1)
            // Only the last of the records is worth something, and it is the one that must be tried first.
            let others = (1..<80).map { number in
                ZoneRecord.srv(service: Self.service, priority: 9, port: UInt16(number), target: "nobody\(number)")
            }
            let last = ZoneRecord.srv(service: Self.service, priority: 1, port: 2379, target: "infra0")
            let dns = try await NameServer(zone: "example.com", records: cluster.addressRecords + others + [last])
            let gateway = try await GatewayProcess.ready([
                "--discovery-srv=example.com", "--dns-server=\(dns.address)",
            ])
            #expect(await PlainRequest(at: gateway.address).run().failure == nil)
            #expect(try await usedMembers(of: gateway, among: cluster.members, connections: 3).count == 1)
        }

        @Test func oneOfTwoNameServersSilent_theOtherIsAsked() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let silent = try SilentNameServer()
            let dns = try await NameServer(
                zone: "example.com", records: cluster.addressRecords + cluster.serviceRecords(Self.service))
            let gateway = try GatewayProcess([
                "--discovery-srv=example.com", "--dns-server=\(silent.address),\(dns.address)", "--hold-timeout=1m",
            ])
            try await gateway.waitUntilItListens()
            let outcome = await PlainRequest(at: gateway.address, within: .seconds(60)).run()
            #expect(outcome.failure == nil)
            #expect(outcome.duration < .seconds(15), "one silent server costs a few seconds at the first start at most")
        }

        /// The members to which new connections lead, all of them open at the same time.
        private func usedMembers(
            of gateway: GatewayProcess, among members: [EtcdMember], connections count: Int
        ) async throws -> Set<String> {
            let connections = try (0..<count).map { _ in try ClientConnection(to: gateway.address) }
            // A member answers such a preface by settings of its own: then the connection leads somewhere.
            for connection in connections {
                try connection.send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0])
                guard try !connection.receive().isEmpty else { throw TestingError("closed by the gateway") }
            }
            return try gateway.upstreams(among: members.map(\.address))
        }
    }
}

extension EtcdCluster {
    /// The members' address records: infra0, infra1, …
    var addressRecords: [ZoneRecord] {
        members.map { .a($0.name, $0.host) }
    }

    /// A record of `service` for each member.
    func serviceRecords(_ service: String) -> [ZoneRecord] {
        members.map { .srv(service: service, port: 2379, target: $0.name) }
    }

    /// Both kinds of records with their names in full, for the scripted name server.
    fileprivate func absoluteRecords(service: String, domain: String) -> [ZoneRecord] {
        members.flatMap { member in
            [
                ZoneRecord.a("\(member.name).\(domain)", member.host),
                .srv(service: "\(service).\(domain)", port: 2379, target: "\(member.name).\(domain)"),
            ]
        }
    }
}

extension GatewayProcess {
    /// Waits until a client can connect, whether the gateway knows members or not.
    fileprivate func waitUntilItListens() async throws {
        try await eventually("it listens; it logged: \(process.errors)") {
            guard process.isRunning else { throw TestingError("it ended: \(process.errors)") }
            return (try? ClientConnection(to: address)) != nil
        }
    }
}
