import GatewayTesting
import Testing

extension RealComponents {
    /// With an authority to trust, a discovered member is dialed only after its certificate has proven it.
    @Suite(.serialized)
    struct VerifiedDiscoveryTests {
        private static let service = "_etcd-client-ssl._tcp"
        /// The domain that the members' certificates name.
        private static let domain = EtcdCluster.certifiedDomain

        private static func gateway(
            _ cluster: EtcdCluster, authority: String, _ flags: String...
        ) async throws -> (GatewayProcess, NameServer) {
            let dns = try await NameServer(
                zone: domain, records: cluster.addressRecords + cluster.serviceRecords(service))
            let gateway = try GatewayProcess(
                ["--discovery-srv=\(domain)", "--dns-server=\(dns.address)", "--trusted-ca-file=\(authority)"] + flags)
            try await gateway.waitUntilReady()
            return (gateway, dns)
        }

        private static func log(_ gateway: GatewayProcess, says text: String) async throws {
            try await eventually("the log says: \(text)") { gateway.log.contains { $0.contains(text) } }
        }

        @Test func rightAuthority_membersAreVerifiedAndServe() async throws {
            let cluster = try await EtcdCluster(security: .tls)
            let authority = try #require(cluster.credentials).authority
            let (gateway, dns) = try await Self.gateway(cluster, authority: authority)
            try await Self.log(gateway, says: "discovered endpoint has shown a valid certificate")
            let etcdctl = try cluster.etcdctl(gateway.address)
            try await etcdctl("put", "greeting", "hello")
            #expect(try await etcdctl("get", "greeting", "--print-value-only") == "hello\n")
            withExtendedLifetime(dns) {}
        }

        @Test func wrongAuthority_andWrongName_areRefused_andNobodyIsDialed() async throws {
            let cluster = try await EtcdCluster(size: 1, security: .tls)
            let strangers = try await CertificateAuthority()
            let authority = try #require(cluster.credentials).authority
            let (first, dns) = try await Self.gateway(cluster, authority: strangers.certificate)
            let (second, otherDNS) = try await Self.gateway(cluster, authority: authority, "--discovery-verify=target")
            for gateway in [first, second] {
                try await Self.log(gateway, says: "discovered endpoint refused")
                let connection = try ClientConnection(to: gateway.address)
                #expect(try gateway.upstreams(among: cluster.members.map(\.address)).isEmpty)
                withExtendedLifetime(connection) {}
            }
            withExtendedLifetime((dns, otherDNS)) {}
        }

        /// A member without TLS closes the connection at a ClientHello, as one does that is about to stop.
        @Test func memberWithoutTLS_staysUnverified_andIsNotDialed() async throws {
            let (cluster, authority) = (try await EtcdCluster(size: 1), try await CertificateAuthority())
            let (gateway, dns) = try await Self.gateway(cluster, authority: authority.certificate)
            try await Self.log(gateway, says: "discovered endpoint is unverified, retrying")
            let connection = try ClientConnection(to: gateway.address)
            #expect(try gateway.upstreams(among: cluster.members.map(\.address)).isEmpty)
            withExtendedLifetime((dns, connection)) {}
        }

        @Test func memberThatIsDownAtStart_isRetried_andUsedOnceItHasProvenItself() async throws {
            let cluster = try await EtcdCluster(size: 1, security: .tls)
            try await cluster.members[0].kill()
            let authority = try #require(cluster.credentials).authority
            let (gateway, dns) = try await Self.gateway(cluster, authority: authority)
            try await Self.log(gateway, says: "discovered endpoint is unverified, retrying")
            try cluster.members[0].start()
            try await Self.log(gateway, says: "discovered endpoint has shown a valid certificate")
            let etcdctl = try cluster.etcdctl(gateway.address)
            try await etcdctl("put", "greeting", "hello")
            withExtendedLifetime(dns) {}
        }
    }
}
