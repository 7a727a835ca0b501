import Foundation
import GatewayTesting

/// HAProxy as somebody sets it up who knows both HAProxy and etcd well.
struct HAProxyConfiguration {
    let policy: String
    let endpoints: [String]
    let credentials: LabCluster.Credentials?
    let folder: TemporaryFolder

    /// The configuration file.
    func text() throws -> String {
        let servers = endpoints.enumerated().map { "    server member\($0) \($1) check" }.joined(separator: "\n")
        return """
            global
                maxconn 4096
            defaults
                mode tcp
                timeout connect 1s
                timeout client 1h
                timeout server 1h
                timeout check 500ms
                option clitcpka
                option srvtcpka
                retries 3
                option redispatch 1
            resolvers lab
                nameserver lab 127.0.0.1:53
                resolve_retries 3
                timeout resolve 1s
                timeout retry 1s
                hold valid 1s
            listen etcd
                bind \(Proxy.address)
                balance \(policy == "pinned" ? "first" : "roundrobin")
                option httpchk GET /health?exclude=NOSPACE
                http-check expect status 200
                default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions\(try tls())\(names)
            \(servers)

            """
    }

    /// The checks present the client's certificate; sessions pass untouched.
    private func tls() throws -> String {
        guard let credentials else { return "" }
        let parts = try [credentials.identity.certificate, credentials.identity.key].map {
            try String(contentsOfFile: $0, encoding: .utf8)
        }
        let pair = try folder.write(parts.joined(separator: "\n"), to: "client.pem")
        return " check-ssl ca-file \(credentials.authority) crt \(pair) verify required"
    }

    private var names: String {
        let hasNames = endpoints.contains { $0.contains { $0.isLetter } }
        return hasNames ? " resolvers lab resolve-prefer ipv4 init-addr last,libc,none" : ""
    }
}
