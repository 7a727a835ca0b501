import Gateway
import GatewayTesting
import Testing

extension RealComponents {
    /// `check`, against members that are well, and others.
    @Suite(.serialized)
    struct CheckTests {
        private func check(_ arguments: String...) async throws -> (output: String, exit: GatewayTesting.ExitStatus) {
            let port = try FreePort.next()
            let process = try ChildProcess(
                ToolBox.gateway(),
                ["check", "--listen-addr=127.0.0.1:\(port)", "--admin-socket=/nonexistent/admin.sock"] + arguments)
            let exit = try await process.waitForExit()
            return (process.output, exit)
        }

        @Test func goodCluster_isFine_andChangesNothing() async throws {
            let cluster = try await EtcdCluster()
            let (output, exit) = try await check("--endpoints=\(cluster.endpoints)")
            #expect(exit == .code(0) && output.hasSuffix("nothing is wrong\n"), "\(output)")
            for member in cluster.members {
                #expect(output.contains("ok     \(member.address) is healthy (asked by http)"), "\(output)")
            }
        }

        @Test func deadFrozenAndMissingMembers_areNamed_withAdvice() async throws {
            let cluster = try await EtcdCluster()
            try await cluster.members[0].kill()
            cluster.members[1].freeze()
            defer { cluster.members[1].thaw() }
            let (output, exit) = try await check("--endpoints=\(cluster.endpoints),no-such-host.invalid")
            #expect(exit == .code(1), "\(output)")
            #expect(
                output.contains("WRONG  \(cluster.members[0].address): connection refused\n       -> nobody listens"))
            #expect(output.contains("WRONG  no-such-host.invalid: DNS"), "\(output)")
            #expect(!output.contains("ok     \(cluster.members[1].address)"), "\(output)")
        }

        @Test func clusterWithTLS_isAskedByTLS_andByHTTPSWhereThereIsACertificate() async throws {
            let cluster = try await EtcdCluster(size: 1, security: .tls)
            let address = cluster.members[0].address
            let bare = try await check("--endpoints=\(address)")
            #expect(bare.exit == .code(0) && bare.output.contains("ok     \(address) answers TLS"), "\(bare.output)")
            let credentials = try #require(cluster.credentials)
            let full = try await check(
                "--endpoints=\(address)", "--trusted-ca-file=\(credentials.authority)",
                "--health-cert-file=\(credentials.identity.certificate)",
                "--health-key-file=\(credentials.identity.key)")
            #expect(full.output.contains("ok     \(address) is healthy (asked by https)"), "\(full.output)")
        }

        @Test func portInUse_isTold() async throws {
            let gateway = try await GatewayProcess.ready(["start", "--endpoints=127.0.0.1:1"])
            let process = try ChildProcess(
                ToolBox.gateway(),
                ["check", "--listen-addr=\(gateway.address)", "--endpoints=127.0.0.1:1", "--admin-socket=/nonexistent"])
            #expect(try await process.waitForExit() == .code(1))
            #expect(process.output.contains("WRONG  cannot listen on \(gateway.address)"), "\(process.output)")
        }

        @Test func runningGateway_isAskedToo() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let observed = try await ObservedGateway(["--endpoints=\(cluster.endpoints)"])
            let result = try await observed.command("check", "--endpoints=\(cluster.endpoints)")
            #expect(result.exit == .code(0), "\(result.output)")
            #expect(result.output.contains("ok     a gateway runs (version "), "\(result.output)")
        }

        @Test func wrongSettings_end2() async throws {
            let process = try ChildProcess(ToolBox.gateway(), ["check", "--retry-delay=5"])
            #expect(try await process.waitForExit() == .code(2))
            #expect(process.errors.contains("--retry-delay: \"5\" cannot be used"))
        }

        @Test func discoveredMembers_areNamed_andAskedAtTheirAddresses() async throws {
            let cluster = try await EtcdCluster()
            let dns = try await NameServer(
                zone: "example.com", records: cluster.addressRecords + cluster.serviceRecords("_etcd-client._tcp"))
            let (output, exit) = try await check("--discovery-srv=example.com", "--dns-server=\(dns.address)")
            #expect(exit == .code(0) && output.hasSuffix("nothing is wrong\n"), "\(output)")
            #expect(output.contains("note   _etcd-client-ssl._tcp.example.com: DNS has no such record"), "\(output)")
            #expect(output.contains("ok     _etcd-client._tcp.example.com names "), "\(output)")
            for (number, member) in cluster.members.enumerated() {
                let name = "infra\(number).example.com"
                #expect(output.contains("ok     \(name) is at \(member.host)"), "\(output)")
                #expect(output.contains(" at \(member.address) is healthy (asked by http)"), "\(output)")
            }
        }

        @Test func discoveredMember_thatIsDead_orWithoutAnAddress_isNamed() async throws {
            let cluster = try await EtcdCluster()
            try await cluster.letAnotherMemberLead(than: cluster.members[0])
            try await cluster.members[0].kill()
            let service = "_etcd-client._tcp"
            let lost = ZoneRecord.srv(service: service, port: 2379, target: "nowhere")
            let dns = try await NameServer(
                zone: "example.com", records: cluster.addressRecords + cluster.serviceRecords(service) + [lost])
            let (output, exit) = try await check("--discovery-srv=example.com", "--dns-server=\(dns.address)")
            #expect(exit == .code(1) && output.hasSuffix("2 things are wrong\n"), "\(output)")
            #expect(output.contains(" at \(cluster.members[0].address): connection refused"), "\(output)")
            #expect(output.contains("WRONG  nowhere.example.com: DNS has no such record"), "\(output)")
        }

        @Test func discoveryWithoutRecords_saysWhichToAdd_andASilentNameServerIsTold() async throws {
            let dns = try await NameServer(zone: "example.com", records: [.a("infra0", "127.0.0.1")])
            let bare = try await check("--discovery-srv=example.com", "--dns-server=\(dns.address)")
            let nothing = "WRONG  DNS names no endpoint of example.com that may be used"
            #expect(bare.exit == .code(1) && bare.output.contains(nothing), "\(bare.output)")
            #expect(bare.output.contains("-> add SRV records _etcd-client-ssl._tcp.example.com, or "), "\(bare.output)")
            let nobody = try await check("--discovery-srv=example.com", "--dns-server=127.0.0.1:\(try FreePort.next())")
            #expect(nobody.exit == .code(1), "\(nobody.output)")
            #expect(nobody.output.contains("example.com: DNS gives no usable answer: "), "\(nobody.output)")
        }

        @Test func discoveredMembers_areVerified_whereAnAuthorityIsNamed() async throws {
            let cluster = try await EtcdCluster(size: 1, security: .tls)
            let dns = try await NameServer(
                zone: EtcdCluster.certifiedDomain,
                records: cluster.addressRecords + cluster.serviceRecords("_etcd-client-ssl._tcp"))
            let (authority, strangers) = (try #require(cluster.credentials).authority, try await CertificateAuthority())
            let flags = ["--discovery-srv=\(EtcdCluster.certifiedDomain)", "--dns-server=\(dns.address)"]
            let good = try await check(flags[0], flags[1], "--trusted-ca-file=\(authority)")
            #expect(good.output.contains("has shown a certificate that is valid for "), "\(good.output)")
            let bad = try await check(flags[0], flags[1], "--trusted-ca-file=\(strangers.certificate)")
            #expect(bad.exit == .code(1) && bad.output.contains(" is not used: "), "\(bad.output)")
        }
    }
}
