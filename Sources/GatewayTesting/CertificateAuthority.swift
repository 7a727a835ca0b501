import Foundation

/// A certificate authority for one test, made with the openssl program, and the certificates it has signed.
public final class CertificateAuthority: Sendable {
    /// A certificate and its key, as PEM files.
    public struct Identity: Sendable {
        /// The path of the certificate.
        public let certificate: String
        /// The path of its key.
        public let key: String
    }

    private let folder: TemporaryFolder
    private let openssl: String

    /// The path of the authority's own certificate, which both sides trust.
    public var certificate: String { folder.path(of: "authority.crt") }

    /// Makes the authority's key and its certificate.
    public init() async throws {
        folder = try TemporaryFolder()
        openssl = try ToolBox.tool("openssl")
        let extensions = try folder.write(
            """
            [req]
            distinguished_name = name
            [name]
            [authority]
            basicConstraints = critical, CA:TRUE
            keyUsage = critical, keyCertSign, cRLSign
            """, to: "authority.cnf")
        try await makeKey("authority")
        try await run(
            "req", "-x509", "-new", "-key", folder.path(of: "authority.key"), "-subj",
            "/CN=etcd-gateway test authority",
            "-days", "30", "-config", extensions, "-extensions", "authority", "-out", certificate)
    }

    /// Signs a certificate, valid for servers and clients alike (an etcd member is both).
    ///
    /// - Parameters:
    ///   - name: its common name, and the name of its files.
    ///   - hosts: the names and IP addresses that it is valid for.
    public func identity(_ name: String, hosts: [String]) async throws -> Identity {
        let alternatives = hosts.map { Self.isAddress($0) ? "IP:\($0)" : "DNS:\($0)" }
        var extensions = ["extendedKeyUsage = serverAuth, clientAuth"]
        if !alternatives.isEmpty {
            extensions.append("subjectAltName = \(alternatives.joined(separator: ", "))")
        }
        let extensionFile = try folder.write(extensions.joined(separator: "\n"), to: "\(name).ext")
        let requestFile = folder.path(of: "\(name).csr")
        let identity = Identity(certificate: folder.path(of: "\(name).crt"), key: folder.path(of: "\(name).key"))
        try await makeKey(name)
        try await run(
            "req", "-new", "-key", identity.key, "-subj", "/CN=\(name)", "-config", folder.path(of: "authority.cnf"),
            "-out", requestFile)
        try await run(
            "x509", "-req", "-in", requestFile, "-CA", certificate, "-CAkey", folder.path(of: "authority.key"),
            "-CAcreateserial", "-days", "30", "-extfile", extensionFile, "-out", identity.certificate)
        return identity
    }

    private func makeKey(_ name: String) async throws {
        try await run("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", folder.path(of: "\(name).key"))
    }

    private func run(_ arguments: String...) async throws {
        let process = try ChildProcess(openssl, arguments)
        guard try await process.waitForExit() == .code(0) else {
            throw TestingError("openssl \(arguments.joined(separator: " ")) failed: \(process.errors)")
        }
    }

    private static func isAddress(_ host: String) -> Bool {
        var four = in_addr()
        var six = in6_addr()
        return inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1
    }
}
