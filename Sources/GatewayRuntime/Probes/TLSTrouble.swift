internal import NIOSSL

/// Why a TLS handshake, or reading after it, failed. BoringSSL tells by the names of its errors only.
enum TLSTrouble: Hashable {
    /// The other side closed the connection.
    case closed
    /// Its certificate does not lead to our authority, or is not valid now.
    case untrusted
    /// It sent an alert.
    case refusedByPeer
    /// It speaks no TLS, or none that we know.
    case notTLS

    /// `nil` for an error that has nothing to do with TLS.
    init?(_ error: any Error) {
        switch error {
        case NIOSSLError.handshakeFailed(let error), NIOSSLError.shutdownFailed(let error):
            self = Self.meaning(of: error)
        case NIOSSLError.uncleanShutdown: self = .closed
        case let error as BoringSSLError: self = Self.meaning(of: error)
        default: return nil
        }
    }

    private static func meaning(of error: BoringSSLError) -> TLSTrouble {
        guard case .sslError(let stack) = error else { return .closed }
        if stack == [.eofDuringHandshake] { return .closed }
        let text = "\(stack)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return .untrusted }
        return text.contains("ALERT") ? .refusedByPeer : .notTLS
    }
}
