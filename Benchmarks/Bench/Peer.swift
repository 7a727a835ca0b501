import Foundation
import GatewayTesting

/// One of those who are measured side by side.
struct Peer: Sendable, Hashable {
    /// What it is.
    enum Kind: Sendable, Hashable {
        /// The generator talks to the sink directly: what this machine can do at all.
        case noProxy
        /// The least that a proxy can do for requests (`Benchmarks/load/bare.c`): what proxying itself costs on this machine.
        case bare
        /// Ours: a program and flags beyond those that it needs; as the package's unit runs it, under a manager that stores its
        /// sessions, or alone.
        case gateway(program: String, flags: [String], isStored: Bool)
        case etcdGateway
        case haproxy(splices: Bool)
        case nginx
        case socketProxyd
    }

    /// How a program is started.
    struct Launch: Sendable {
        var program: String
        var arguments: [String]
        var environment: [String: String] = [:]
    }

    /// Its name in tables and options.
    let name: String
    let kind: Kind

    static let noProxy = Peer(name: "no proxy", kind: .noProxy)
    static let bare = Peer(name: "a page of C", kind: .bare)
    static let etcdGateway = Peer(name: "etcd gateway", kind: .etcdGateway)
    /// Everybody but ours; whoever proxies for a living is from Debian.
    static let others = [
        noProxy, bare, etcdGateway,
        Peer(name: "HAProxy, splice", kind: .haproxy(splices: true)),
        Peer(name: "HAProxy, copy", kind: .haproxy(splices: false)),
        Peer(name: "nginx stream", kind: .nginx),
        Peer(name: "systemd-socket-proxyd", kind: .socketProxyd),
    ]

    /// Our gateway, as it is shipped: its sessions are stored when they are a second old.
    static func shipped(_ program: String) -> Peer {
        Peer(name: "etcd-gateway", kind: .gateway(program: program, flags: [], isStored: true))
    }

    /// Our gateway on its own.
    static func gateway(_ program: String, name: String = "etcd-gateway, no store", flags: [String] = []) -> Peer {
        Peer(name: name, kind: .gateway(program: program, flags: flags, isStored: false))
    }

    /// The same without a manager, whose socket is open before the program is.
    var alone: Peer {
        guard case .gateway(let program, let flags, true) = kind else { return self }
        return Peer(name: name, kind: .gateway(program: program, flags: flags, isStored: false))
    }

    /// Whether it can do that: the page of C passes on only what sockets take whole, and knows no manners at an end.
    func takes(_ workload: Workload) -> Bool {
        guard kind == .bare else { return true }
        return switch workload.kind {
        case .requests, .amongIdle: true
        default: false
        }
    }

    /// Whether it is one of ours.
    var isOurs: Bool { if case .gateway = kind { true } else { false } }

    /// The command that listens on `port` of 127.0.0.1 and forwards to `upstream`; `nil` where nothing is to be started. Files go into `folder`.
    func launch(port: UInt16, upstream: Upstream, folder: TemporaryFolder) throws -> Launch? {
        switch kind {
        case .noProxy:
            return nil
        case .bare:
            return Launch(program: Load.program, arguments: ["bare", upstream.text, "\(port)"])
        case .gateway(let program, let flags, let isStored):
            let alone = Launch(
                program: program,
                arguments: [
                    "--endpoints=\(upstream.text)", "--listen-addr=127.0.0.1:\(port)", "--health-check=tcp",
                ] + flags)
            guard isStored else { return alone }
            return try Launch(
                program: ToolBox.beside("StandInManager"),
                arguments: ["\(port)", folder.path(of: "notify-\(port)"), program] + alone.arguments)
        case .etcdGateway:
            return try Launch(
                program: ToolBox.tool("etcd"),
                arguments: [
                    "gateway", "start", "--endpoints=\(upstream.text)", "--listen-addr=127.0.0.1:\(port)",
                ])
        case .haproxy(let splices):
            let file = try folder.write(
                Self.haproxyConfiguration(port: port, upstream: upstream, splices: splices), to: "haproxy-\(port).cfg")
            return try Launch(program: ToolBox.tool("haproxy"), arguments: ["-db", "-f", file])
        case .nginx:
            let file = try folder.write(
                Self.nginxConfiguration(port: port, upstream: upstream, folder: folder), to: "nginx-\(port).conf")
            return try Launch(
                program: ToolBox.tool("nginx"),
                arguments: ["-c", file, "-p", folder.path, "-e", folder.path(of: "nginx-error.log")])
        case .socketProxyd:
            return try Launch(
                program: ToolBox.tool("systemd-socket-activate"),
                arguments: [
                    "--listen=127.0.0.1:\(port)", ToolBox.tool("systemd-socket-proxyd"), "--connections-max=100000",
                    "\(upstream.text)",
                ])
        }
    }

    private static func haproxyConfiguration(port: UInt16, upstream: Upstream, splices: Bool) -> String {
        """
        global
            maxconn 9600
            maxpipes 256
        defaults
            mode tcp
            timeout connect 1s
            timeout client 1h
            timeout server 1h
            \(splices ? "option splice-auto" : "no option splice-auto")
        listen etcd
            bind 127.0.0.1:\(port)
            server sink \(upstream.text)

        """
    }

    private static func nginxConfiguration(port: UInt16, upstream: Upstream, folder: TemporaryFolder) -> String {
        """
        load_module \(ToolBox.packageRoot)/.build/tools/root/usr/lib/nginx/modules/ngx_stream_module.so;
        daemon off;
        user root;
        worker_processes auto;
        worker_rlimit_nofile 20000;
        pid \(folder.path(of: "nginx-\(port).pid"));
        events { worker_connections 19000; }
        stream {
            access_log off;
            server {
                listen 127.0.0.1:\(port) backlog=4096 reuseport;
                proxy_pass \(upstream.text);
                proxy_timeout 1h;
            }
        }

        """
    }
}
