import Gateway
import GatewayTesting
import Testing

@testable import GatewayRuntime

extension RealProbes {
    @Suite struct TLSVerifierTests {
        let loop = ProbeLoop()

        /// etcd 3.4 of Debian speaks TLS 1.3: our side of the handshake is complete before it asks for a certificate.
        @Test func member_isVerified_withoutAClientCertificate() async throws {
            let cluster = try await EtcdCluster(size: 1, security: .tls)
            let authority = try #require(cluster.credentials).authority
            let address = try cluster.members[0].socketAddress()
            let verifier = TLSVerifier(loop: loop, authority: authority)
            for name in ["localhost", "LOCALHOST", "localhost."] { try await expectVerified(verifier, address, name) }
            let finding = await verifier.verify(address, validFor: "example.com")
            let reason = "its certificate is not valid for example.com, but for localhost, verified.test"
            #expect(finding == .refused(reason))

            let strangers = try await CertificateAuthority()
            let stranger = strangers.certificate
            #expect(
                await TLSVerifier(loop: loop, authority: stranger).verify(address, validFor: "localhost")
                    == .refused("its certificate does not come from the authority in \(stranger)"))

            try await cluster.members[0].kill()
            #expect(await verifier.verify(address, validFor: "localhost") == .unreachable(.refused, .dialing))
            await loop.stop()
        }

        @Test(arguments: ["-tls1_2", "-tls1_3"], [false, true])
        func serverOfEitherVersion_withAndWithoutADemandForCertificates(version: String, demands: Bool) async throws {
            let authority = try await CertificateAuthority()
            let server = try await OpenSSLServer(
                authority: authority, names: ["a.example.com", "*.b.example.com"],
                flags: [version] + (demands ? ["-Verify", "1", "-verify_return_error"] : []))
            let verifier = TLSVerifier(loop: loop, authority: authority.certificate)
            for name in ["a.example.com", "x.b.example.com"] {
                try await expectVerified(verifier, server.address, name)
            }
            #expect(
                await verifier.verify(server.address, validFor: "example.com")
                    == .refused("its certificate is not valid for example.com, but for a.example.com, *.b.example.com"))
            let strangers = try await CertificateAuthority()
            let stranger = strangers.certificate
            #expect(
                await TLSVerifier(loop: loop, authority: stranger).verify(server.address, validFor: "a.example.com")
                    == .refused("its certificate does not come from the authority in \(stranger)"))
            await loop.stop()
        }

        @Test func oldVersions_areRefused() async throws {
            let authority = try await CertificateAuthority()
            let server = try await OpenSSLServer(
                authority: authority, names: ["a.example.com"],
                flags: ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"])
            let verifier = TLSVerifier(loop: loop, authority: authority.certificate)
            guard case .refused = await verifier.verify(server.address, validFor: "a.example.com") else {
                Issue.record("TLS 1.1 is no protection")
                return
            }
            await loop.stop()
        }

        @Test func listenersWithoutTLS() async throws {
            let authority = try await CertificateAuthority()
            let verifier = TLSVerifier(loop: loop, authority: authority.certificate)
            let plain = try ScriptedListener(.says(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)))
            #expect(
                await verifier.verify(plain.address, validFor: "a.example.com")
                    == .refused("it does not speak TLS 1.2 or 1.3"))
            let closing = try ScriptedListener(.closes)
            #expect(
                await verifier.verify(closing.address, validFor: "a.example.com") == .unreachable(.refused, .connected))
            let silent = try ScriptedListener(.silent)
            #expect(
                await verifier.verify(silent.address, validFor: "a.example.com") == .unreachable(.timedOut, .connected))
            await loop.stop()
        }

        /// A stranger who shows a certificate that it does not own, and then breaks off with an alert, proves nothing.
        @Test func alertAlone_isARefusal() async throws {
            let authority = try await CertificateAuthority()
            let verifier = TLSVerifier(loop: loop, authority: authority.certificate)
            let listener = try ScriptedListener(.says([0x15, 3, 3, 0, 2, 2, 42]))
            #expect(
                await verifier.verify(listener.address, validFor: "a.example.com")
                    == .refused("it refuses the TLS handshake"))
            await loop.stop()
        }

        @Test func authorityFile_thatCannotBeRead_isSaid() async throws {
            let listener = try ScriptedListener(.silent)
            let verifier = TLSVerifier(loop: loop, authority: "/nonexistent/ca.pem")
            guard case .refused(let why) = await verifier.verify(listener.address, validFor: "a.example.com") else {
                Issue.record("nothing can be verified")
                return
            }
            #expect(why.hasPrefix("/nonexistent/ca.pem cannot be used: "))
        }

        private func expectVerified(_ verifier: TLSVerifier, _ address: SocketAddress, _ name: String) async throws {
            guard case .verified(let notAfter) = await verifier.verify(address, validFor: name) else {
                Issue.record("\(name): \(await verifier.verify(address, validFor: name))")
                return
            }
            #expect(notAfter > 1_700_000_000)
        }
    }
}
