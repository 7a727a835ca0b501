import Gateway
import GatewayTesting

/// `openssl s_server` with a certificate of its own.
struct OpenSSLServer {
    let address: SocketAddress
    private let process: ChildProcess

    init(authority: CertificateAuthority, names: [String], flags: [String]) async throws {
        let identity = try await authority.identity("server", hosts: names)
        let port = try FreePort.next()
        guard let ip = IPAddress("127.0.0.1") else { throw TestingError("loopback is an address") }
        address = SocketAddress(ip: ip, port: port)
        process = try ChildProcess(
            try ToolBox.tool("openssl"),
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-cert", identity.certificate, "-key", identity.key,
                "-CAfile", authority.certificate, "-www",
            ] + flags)
        try await process.waitForText("ACCEPT")
    }
}
