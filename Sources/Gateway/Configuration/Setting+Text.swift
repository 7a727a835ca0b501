extension Setting {
    /// What stands for the value in `--help`: `ADDR`, `DURATION`. Empty for booleans.
    public var valueName: String {
        switch self {
        case .listenAddresses, .metricsAddress: "ADDR"
        case .adminSocket: "PATH"
        case .endpoints: "ENDPOINTS"
        case .discoveryDomain: "DOMAIN"
        case .discoveryName: "NAME"
        case .dnsServers: "SERVER"
        case .trustedCAFile, .configFile, .healthCertificateFile, .healthKeyFile: "FILE"
        case .discoveryVerification: "NAME"
        case .healthCheck: "KIND"
        case .onEndpointDown: "ACTION"
        case .stateDirectory: "DIRECTORY"
        case .policy: "POLICY"
        case .crashSafe: "on|off"
        case .loopbackCongestion: "NAME"
        case .spin: "MICROSECONDS"
        case .logFormat: "FORMAT"
        case .logLevel: "LEVEL"
        case .maximumSessions, .loops: "COUNT"
        case .rebalance: "SESSIONS_PER_MINUTE"
        case .minimumTTL, .maximumTTL, .removedEndpointGrace, .dialTimeout, .hedgeDelay, .holdTimeout, .retryDelay,
            .healthInterval, .drainTimeout, .keepalive, .userTimeout:
            "DURATION"
        case .insecureDiscovery, .accessLog, .drainOnStop: ""
        }
    }

    /// The value of a setting that nobody sets, as it would be written; empty where that is the default.
    public var defaultText: String {
        switch self {
        case .listenAddresses: "127.0.0.1:23790"
        case .endpoints: "127.0.0.1:2379"
        case .discoveryDomain, .discoveryName, .trustedCAFile, .dnsServers, .stateDirectory, .healthCertificateFile,
            .healthKeyFile, .adminSocket, .metricsAddress:
            ""
        case .discoveryVerification: DiscoveryVerification.domain.rawValue
        case .configFile: Self.defaultConfigFile
        case .insecureDiscovery, .accessLog, .drainOnStop: "false"
        case .minimumTTL: "1s"
        case .maximumTTL: "5m0s"
        case .removedEndpointGrace, .drainTimeout: "30s"
        case .policy: Policy.pinned.rawValue
        case .crashSafe: CrashSafety.on.rawValue
        case .dialTimeout: "1s"
        case .hedgeDelay: "250ms"
        case .holdTimeout: "10s"
        case .retryDelay: "1m0s"
        case .healthCheck: HealthCheck.auto.rawValue
        case .onEndpointDown: EndpointDownPolicy.reset.rawValue
        case .healthInterval: "5s"
        case .maximumSessions, .loops, .rebalance, .spin: "0"
        case .keepalive: "15s"
        case .userTimeout: "2m0s"
        case .loopbackCongestion: "reno"
        case .logFormat: LogFormat.auto.rawValue
        case .logLevel: LogLevel.info.rawValue
        }
    }

    /// One sentence for somebody who has never seen this program.
    public var summary: String {
        switch self {
        case .listenAddresses:
            "Where clients connect: host:port or unix:///path, several joined by commas."
        case .configFile:
            "A file of KEY=value lines with the names of the environment variables; the default is read if it exists."
        case .stateDirectory:
            "Where the last good endpoints are kept for a start without DNS; by default what systemd names, if anything."
        case .endpoints:
            "The etcd members, as host:port or URLs joined by commas; used when DNS discovery names none."
        case .discoveryDomain:
            "The DNS domain whose SRV records name the etcd members."
        case .discoveryName:
            "Which cluster of the domain: the suffix in _etcd-client-ssl-NAME._tcp."
        case .insecureDiscovery:
            "Also use SRV records of members without TLS where records of members with TLS exist."
        case .trustedCAFile:
            "The certificate authorities (PEM) that must vouch for endpoints found by discovery."
        case .discoveryVerification:
            "What their certificates must be valid for: the discovery domain, or the target of each SRV record."
        case .dnsServers:
            "DNS servers to ask instead of those in /etc/resolv.conf, as IP or IP:port joined by commas."
        case .minimumTTL:
            "The shortest time between two refreshes of a DNS answer, whatever its TTL."
        case .maximumTTL:
            "The longest time between two refreshes of a DNS answer, whatever its TTL."
        case .removedEndpointGrace:
            "How long open sessions stay on an endpoint after DNS has ceased to name it."
        case .policy:
            "How the endpoint of a new session is chosen: \(alternatives(Policy.allCases.map(\.rawValue)))."
        case .rebalance:
            "How many sessions a minute are reset to spread them anew after an endpoint came back; 0 resets none."
        case .dialTimeout:
            "How long an endpoint may take to accept a connection."
        case .hedgeDelay:
            "How long a dial may last before the next endpoint is dialed beside it; 0 means never."
        case .holdTimeout:
            "How long a client is kept waiting while no endpoint answers; 0 resets it at once."
        case .retryDelay:
            "The longest wait before a failed endpoint is tried again."
        case .healthCheck:
            "What a probe asks: tcp, tls, http, https, or auto for the most that has worked on each endpoint."
        case .healthInterval:
            "How often endpoints with sessions are probed when nothing is wrong; 0 probes only on suspicion."
        case .healthCertificateFile:
            "The client certificate (PEM) for https probes, where the members want one."
        case .onEndpointDown:
            "What happens to open sessions of a member that is proven dead while another works: reset or keep."
        case .healthKeyFile:
            "The private key (PEM) of the client certificate for https probes."
        case .maximumSessions:
            "The most sessions open at a time; 0 means as many as the limit of open files allows."
        case .drainTimeout:
            "How long open sessions may go on after the gateway was told to stop; 0 resets them at once."
        case .drainOnStop:
            "With crash-safe storing, drain at SIGTERM instead of leaving sessions to the next process."
        case .crashSafe:
            "Keep sessions older than a second and a half in the service manager's store, so that no crash or restart ends them."
        case .loops:
            "The number of threads that move bytes; 0 means one for each CPU, at most 4."
        case .keepalive:
            "How long a connection is silent before TCP asks whether the other side is still there."
        case .userTimeout:
            "How long sent bytes may stay unacknowledged before TCP gives a connection up; 0 leaves it to the system."
        case .loopbackCongestion:
            "TCP congestion control of connections that stay on this machine; system leaves the machine's choice."
        case .spin:
            "How many microseconds a busy thread polls before it sleeps: lower latency for more CPU time; 0 means never."
        case .adminSocket:
            "The unix socket for status and orders; by default admin.sock in the directory that systemd names, if any."
        case .metricsAddress:
            "Where metrics and the status page can be read over TCP, as IP:port; by default nowhere."
        case .logFormat:
            "The form of log lines: text, json, journal, or auto to choose by where they go."
        case .logLevel:
            "The least important lines to log: \(alternatives(LogLevel.allCases.map(\.rawValue)))."
        case .accessLog:
            "Log one line for every session that ends."
        }
    }
}
