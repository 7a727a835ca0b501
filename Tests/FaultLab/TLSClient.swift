import NIOCore
import NIOEmbedded
import NIOSSL

/// What a client needs for clusters with TLS that ask for a client's certificate.
struct TLSClient: Sendable {
    private let context: NIOSSLContext

    /// Creates a client from PEM files.
    init(authority: String, certificate: String, key: String) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .file(authority)
        configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
        configuration.privateKey = try .privateKey(NIOSSLPrivateKey(file: key, format: .pem))
        // The members' names are not what is measured here; that it is our authority's certificate still is checked.
        configuration.certificateVerification = .noHostnameVerification
        context = try NIOSSLContext(configuration: configuration)
    }

    /// The TLS side of one new connection.
    func engine() throws -> TLSEngine {
        try TLSEngine(NIOSSLClientHandler(context: context, serverHostname: nil))
    }
}

/// TLS without a socket: bytes in, bytes out. Used by one thread.
final class TLSEngine {
    private let channel: EmbeddedChannel

    fileprivate init(_ handler: NIOSSLClientHandler) throws {
        channel = EmbeddedChannel(handler: handler)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    deinit {
        // TLS says goodbye and waits for the answer: here none will come, and time is ours.
        channel.close(promise: nil)
        channel.embeddedEventLoop.advanceTime(by: .minutes(1))
    }

    /// Encrypts, once the handshake allows it.
    func send(_ bytes: [UInt8]) {
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// Takes what came from the network and returns what it says.
    func receive(_ bytes: [UInt8]) throws -> [UInt8] {
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        return try drain { try channel.readInbound(as: ByteBuffer.self) }
    }

    /// What is to be sent over the network.
    func takeOutgoing() throws -> [UInt8] {
        try drain { try channel.readOutbound(as: ByteBuffer.self) }
    }

    private func drain(_ next: () throws -> ByteBuffer?) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try next() {
            bytes.append(contentsOf: buffer.readableBytesView)
        }
        return bytes
    }
}
