internal import CLinux
internal import Gateway
internal import NIOCore
internal import NIOSSL

/// The certificate files that probes use: paths of PEM files.
struct TLSFiles: Hashable, Sendable {
    /// Who must have signed the servers' certificates; `nil` to believe anybody.
    var authority: String?
    /// Our own certificate and key; both or none.
    var certificate: String?
    var key: String?

    /// What the settings name.
    init(_ settings: Settings) {
        self.init(
            authority: settings.trustedCAFile, certificate: settings.healthCertificateFile, key: settings.healthKeyFile)
    }

    /// These paths.
    init(authority: String? = nil, certificate: String? = nil, key: String? = nil) {
        self.authority = authority
        self.certificate = certificate
        self.key = key
    }

    /// Whether nothing is configured.
    var isEmpty: Bool { authority == nil && certificate == nil }
}

/// The TLS context made of files, made again when one of them has changed: certificates are renewed under a running
/// gateway. Files that cannot be read leave the last context that could be made.
struct TLSContextSource: ~Copyable {
    private let files: TLSFiles
    private let adjust: (inout TLSConfiguration) -> Void
    private var stamps: [[UInt64]] = []
    private var made: Result<NIOSSLContext, TLSFilesError> = .failure(TLSFilesError(text: "not read yet"))

    init(_ files: TLSFiles, adjusting adjust: @escaping (inout TLSConfiguration) -> Void = { _ in }) {
        self.files = files
        self.adjust = adjust
    }

    /// A context of the newest files that are of use.
    mutating func context() throws(TLSFilesError) -> NIOSSLContext {
        let now = [files.authority, files.certificate, files.key].compactMap { $0 }.map(Self.stamp)
        if now != stamps || (try? made.get()) == nil {
            do {
                made = .success(try make())
                stamps = now  // not before: what could not be read is read again, changed or not
            } catch {
                if (try? made.get()) == nil { made = .failure(TLSFilesError(text: "\(error)")) }
            }
        }
        return try made.get()
    }

    private func make() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = .milliseconds(500)
        // The name is not asked for: members' certificates often name the host only, and we dial addresses.
        configuration.certificateVerification = files.authority == nil ? .none : .noHostnameVerification
        if let authority = files.authority {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authority))
        }
        if let certificate = files.certificate, let key = files.key {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        }
        adjust(&configuration)
        return try NIOSSLContext(configuration: configuration)
    }

    private static func stamp(of path: String) -> [UInt64] {
        let stamp = unsafe clinux_stamp(path)  // unsafe: C reads the path and keeps nothing
        return [stamp.exists, stamp.inode, stamp.bytes, stamp.changed_ns]
    }
}

/// Certificate files that cannot be used.
struct TLSFilesError: Error, Hashable, CustomStringConvertible {
    let text: String
    var description: String { text }
}
