import Gateway
import GatewayTesting
import Testing

@testable import GatewayRuntime

extension RealProbes {
    @Suite struct HTTPSProbeTests {
        let loop: LoopUnderTest

        init() throws {
            loop = try LoopUnderTest()
        }

        private func outcome(_ address: SocketAddress, _ files: TLSFiles, host: String? = nil) async -> ProbeOutcome {
            let prober = Prober(executor: loop.executor, files: files)
            let found = await prober.probe([address], host: host, kind: .https)
            await prober.stop()
            return found.outcome
        }

        @Test func memberThatWantsCertificates() async throws {
            let cluster = try await EtcdCluster(size: 1, security: .tls)
            let member = cluster.members[0]
            let address = try member.socketAddress()
            let given = try #require(cluster.credentials)
            let files = TLSFiles(
                authority: given.authority, certificate: given.identity.certificate, key: given.identity.key)
            let strangers = try await CertificateAuthority()
            let stranger = try await strangers.identity("stranger", hosts: [])

            #expect(await outcome(address, files) == .http(.healthy))
            #expect(await outcome(address, files, host: "localhost") == .http(.healthy))
            #expect(await outcome(address, files, host: "10.0.0.1") == .http(.healthy))
            var others = files
            others.authority = nil
            #expect(await outcome(address, others) == .http(.healthy))
            others.authority = strangers.certificate
            #expect(await outcome(address, others) == .unusable(.untrusted))
            others = TLSFiles(authority: given.authority)
            #expect(await outcome(address, others) == .unusable(.tlsRefused))
            others = TLSFiles(authority: given.authority, certificate: stranger.certificate, key: stranger.key)
            #expect(await outcome(address, others) == .unusable(.tlsRefused))
            others = TLSFiles(authority: "/nonexistent/ca.pem")
            #expect(await outcome(address, others) == .unusable(.noTLSFiles))

            member.freeze()
            try await eventually("the member is silent") {
                await outcome(address, files) == .failed(.timedOut, .connected)
            }
            member.thaw()
            try await member.kill()
            #expect(await outcome(address, files) == .failed(.refused, .dialing))
        }

        @Test func manyProbes_useOneConnection_andLogNothing() async throws {
            let cluster = try await EtcdCluster(size: 1, security: .tls)
            let member = cluster.members[0]
            let address = try member.socketAddress()
            let given = try #require(cluster.credentials)
            let files = TLSFiles(
                authority: given.authority, certificate: given.identity.certificate, key: given.identity.key)
            let prober = Prober(executor: loop.executor, files: files)
            let lines = member.logLines
            for _ in 0..<100 {
                let found = await prober.probe([address], host: nil, kind: .https)
                #expect(found.outcome == .http(.healthy) && found.address == address)
            }
            #expect(OpenDescriptors.to(address) == 1)

            // Frozen, it is given up on the connection that is open, and thawed it serves on a new one.
            member.freeze()
            try await eventually("the member is silent") {
                if case .failed(.timedOut, _) = await prober.probe([address], host: nil, kind: .https).outcome {
                    true
                } else {
                    false
                }
            }
            member.thaw()
            try await eventually("the member is back") {
                await prober.probe([address], host: nil, kind: .https).outcome == .http(.healthy)
            }
            await prober.stop()
            try await eventually("all is closed") { OpenDescriptors.to(address) == 0 }
            #expect(member.logLines - lines <= 4, "\(member.log)")
        }

        @Test func listenersWithoutTLS() async throws {
            let files = TLSFiles()
            let plain = try ScriptedListener(.says(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)))
            #expect(await outcome(plain.address, files) == .unusable(.notTLS))
            let closing = try ScriptedListener(.closes)
            #expect(await outcome(closing.address, files) == .failed(.refused, .connected))
            let silent = try ScriptedListener(.silent)
            #expect(await outcome(silent.address, files) == .failed(.timedOut, .connected))
        }
    }
}
