internal import CLinux
internal import Gateway
internal import NIOCore
internal import NIOSSL
internal import NIOTLS
internal import Synchronization

/// Looks at the certificate of a discovered endpoint: a TLS handshake without a client certificate, whose chain must lead
/// to our authority, and whose certificate must be valid for a name.
final class TLSVerifier: Sendable {
    /// How long the handshake may take after the connection is made: it is no question of life, and asked seldom.
    static let handshakeTimeout = TimeAmount.seconds(2)
    private static let connectTimeout = TimeAmount.seconds(1)

    private let loop: ProbeLoop
    private let authority: String
    private let source: Mutex<TLSContextSource>

    init(loop: ProbeLoop, authority: String) {
        self.loop = loop
        self.authority = authority
        source = Mutex(
            TLSContextSource(TLSFiles(authority: authority)) { configuration in
                // Without key exchange by RSA, whose server proves that the key is its own only at the very end.
                configuration.cipherSuiteValues = [
                    .TLS_AES_128_GCM_SHA256, .TLS_AES_256_GCM_SHA384, .TLS_CHACHA20_POLY1305_SHA256,
                    .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                    .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                    .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                ]
            })
    }

    /// Verifies one address. `name` is both asked for (SNI) and required: the discovery domain or the SRV target.
    func verify(_ address: Gateway.SocketAddress, validFor name: String) async -> CertificateFinding {
        let name = name.hasSuffix(".") ? String(name.dropLast()) : name
        let context: NIOSSLContext
        do throws(TLSFilesError) {
            context = try source.withLock { source throws(TLSFilesError) in try source.context() }
        } catch {
            return .refused("\(authority) cannot be used: \(error)")
        }
        let verdict = loop.eventLoop.makePromise(of: CertificateFinding.self)
        do throws(DialFailure) {
            let judgeOf = (authority, name)
            let channel = try await loop.connect(address, within: Self.connectTimeout) { channel in
                let records = RecordWatch()
                let judge = CertificateJudge(authority: judgeOf.0, name: judgeOf.1, records: records, verdict: verdict)
                let handler = try NIOSSLClientHandler(context: context, serverHostname: judgeOf.1)
                try channel.pipeline.syncOperations.addHandlers([records, handler, judge])
            }
            return await withTaskCancellationHandler {
                (try? await verdict.futureResult.get()) ?? .unreachable(.local, .connected)
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            verdict.succeed(.unreachable(error, .dialing))  // a promise must be kept
            return .unreachable(error, .dialing)
        }
    }
}

/// Decides on the certificate as soon as it is proven, then closes.
private final class CertificateJudge: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let authority: String
    private let name: String
    private let records: RecordWatch
    private var verdict: EventLoopPromise<CertificateFinding>?
    private var timeout: Scheduled<Void>?

    init(authority: String, name: String, records: RecordWatch, verdict: EventLoopPromise<CertificateFinding>) {
        self.authority = authority
        self.name = name
        self.records = records
        self.verdict = verdict
    }

    func channelActive(context: ChannelHandlerContext) {
        timeout = context.eventLoop.assumeIsolated().scheduleTask(in: TLSVerifier.handshakeTimeout) {
            self.decide(.unreachable(.timedOut, .connected), context)
        }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { decide(certificate(context), context) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch TLSTrouble(error) {
        case .untrusted: decide(.refused(whyUntrusted(context)), context)
        case .refusedByPeer where isProven(context): decide(certificate(context), context)
        case .refusedByPeer: decide(.refused("it refuses the TLS handshake"), context)
        case .notTLS: decide(.refused("it does not speak TLS 1.2 or 1.3"), context)
        case .closed: decide(.unreachable(.refused, .connected), context)
        case nil:
            let failure = (error as? IOError).map { DialFailure(errno: $0.errnoCode) } ?? .refused
            decide(.unreachable(failure, .connected), context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        decide(.unreachable(.refused, .connected), context)
        context.fireChannelInactive()
    }

    private func decide(_ finding: CertificateFinding, _ context: ChannelHandlerContext) {
        guard let verdict = verdict.take() else { return }
        timeout?.cancel()
        verdict.succeed(finding)
        context.close(promise: nil)
    }

    /// A TLS 1.2 server that wants a client certificate breaks off before the handshake is complete. By then we have
    /// checked its chain and its signature, or we would not have sent ChangeCipherSpec. (In 1.3 that message means
    /// nothing, and our side is complete before the server asks.)
    private func isProven(_ context: ChannelHandlerContext) -> Bool {
        (try? context.pipeline.syncOperations.nioSSL_tlsVersion()) == .tlsv12 && records.hasSentChangeCipherSpec
    }

    private func certificate(_ context: ChannelHandlerContext) -> CertificateFinding {
        guard let certificate = peerCertificate(context) else { return .refused("it shows no certificate") }
        let names = certificate.dnsNames
        guard names.contains(where: { CertificateName($0)?.covers(name) == true }) else {
            return .refused("its certificate is not valid for \(name), but for \(Self.list(names))")
        }
        return .verified(notAfter: Int64(certificate.notValidAfter))
    }

    private func whyUntrusted(_ context: ChannelHandlerContext) -> String {
        let now = clinux_utc_seconds()
        if let certificate = peerCertificate(context) {
            if Int64(certificate.notValidAfter) < now { return "its certificate has expired" }
            if Int64(certificate.notValidBefore) > now { return "its certificate is not valid yet" }
        }
        return "its certificate does not come from the authority in \(authority)"
    }

    private func peerCertificate(_ context: ChannelHandlerContext) -> NIOSSLCertificate? {
        try? context.pipeline.syncOperations.nioSSL_peerCertificate()
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "no DNS name" : names.prefix(4).joined(separator: ", ") + (names.count > 4 ? ", …" : "")
    }
}

extension NIOSSLCertificate {
    /// The DNS names that it is valid for; the common name does not count (RFC 6125, and Go).
    fileprivate var dnsNames: [String] {
        _subjectAlternativeNames().filter { $0.nameType == .dnsName }.map {
            String(decoding: $0.contents, as: UTF8.self)
        }
    }
}
