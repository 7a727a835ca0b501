import Gateway
import GatewayTesting
import Testing

@Suite struct SettingsTests {
    private func resolve(
        _ flags: [Setting: [String]] = [:], environment: [String: String] = [:], file: String? = nil
    ) -> SettingsResolution {
        Settings.resolve(flags: flags, environment: environment, file: file.map { ("/etc/x", $0) })
    }

    private func settings(
        _ flags: [Setting: [String]] = [:], environment: [String: String] = [:], file: String? = nil
    ) throws -> Settings {
        try resolve(flags, environment: environment, file: file).result.get()
    }

    private func errors(
        _ flags: [Setting: [String]] = [:], environment: [String: String] = [:], file: String? = nil
    ) -> [String] {
        guard case .failure(let errors) = resolve(flags, environment: environment, file: file).result else { return [] }
        #expect(!errors.all.isEmpty)
        return errors.all.map(\.description)
    }

    @Test func nothingSet_isTheDefault() throws {
        let expected = Settings.defaults
        #expect(try settings() == expected)
        #expect(resolve().warnings.isEmpty)
        #expect(expected.listenAddresses.map(\.description) == ["127.0.0.1:23790"])
        #expect(expected.endpoints.map(\.description) == ["127.0.0.1:2379"])
        #expect(expected.endpointsAreDefault)
        #expect(expected.discoveryDomain == nil)
        #expect(expected.dnsServers.isEmpty)
        #expect(expected.minimumTTL == .seconds(1))
        #expect(expected.maximumTTL == .seconds(300))
        #expect(expected.removedEndpointGrace == .seconds(30))
        #expect(expected.stateDirectory == nil)
        #expect(expected.policy == .pinned)
        #expect(expected.dialTimeout == .seconds(1))
        #expect(expected.hedgeDelay == .milliseconds(250))
        #expect(expected.holdTimeout == .seconds(10))
        #expect(expected.retryDelay == .seconds(60))
        #expect(expected.healthCheck == .auto && expected.healthCheck.fixedKind == nil)
        #expect(expected.healthInterval == .seconds(5))
        #expect(expected.healthCertificateFile == nil && expected.healthKeyFile == nil)
        #expect(expected.discoveryVerification == .domain)
        #expect(expected.maximumSessions == nil)
        #expect(expected.loops == nil)
        #expect(expected.keepalive == .seconds(15))
        #expect(expected.userTimeout == .seconds(120))
        #expect(expected.loopbackCongestion == "reno")
        #expect(expected.spinMicroseconds == 0)
        #expect(expected.logFormat == .auto)
        #expect(expected.logLevel == .info)
        #expect(!expected.accessLog && !expected.insecureDiscovery)
    }

    /// The default of every setting, written out, changes nothing; of some it is known that they were written.
    @Test(arguments: Setting.allCases.filter { ![.endpoints, .configFile, .listenAddresses].contains($0) })
    func defaultText_asAFlag_isTheDefault(setting: Setting) throws {
        #expect(try settings([setting: [setting.defaultText]]) == Settings.defaults)
    }

    @Test func listenAddressesThatAreWrittenOut_areNoDefault() throws {
        var expected = Settings.defaults
        expected.listenAddressesAreDefault = false
        #expect(try settings([.listenAddresses: [Setting.listenAddresses.defaultText]]) == expected)
    }

    @Test func flag_beatsEnvironment_beatsFile() throws {
        let file = "ETCD_GATEWAY_RETRY_DELAY=3s"
        let environment = ["ETCD_GATEWAY_RETRY_DELAY": "2s"]
        #expect(try settings(file: file).retryDelay == .seconds(3))
        #expect(try settings(environment: environment, file: file).retryDelay == .seconds(2))
        #expect(try settings([.retryDelay: ["1s"]], environment: environment, file: file).retryDelay == .seconds(1))
    }

    @Test func weakerSource_isNotEvenLookedAt() throws {
        let environment = ["ETCD_GATEWAY_RETRY_DELAY": "rubbish"]
        #expect(try settings([.retryDelay: ["1s"]], environment: environment).retryDelay == .seconds(1))
    }

    @Test func list_replacesTheWeakerOne_insteadOfAddingToIt() throws {
        let environment = ["ETCD_GATEWAY_ENDPOINTS": "a:1,b:2"]
        let flagged = try settings([.endpoints: ["c:3", "d:4,e:5"]], environment: environment)
        #expect(flagged.endpoints.map(\.authority) == ["c:3", "d:4", "e:5"])
        #expect(!flagged.endpointsAreDefault)
        #expect(try settings(environment: environment).endpoints.map(\.authority) == ["a:1", "b:2"])
    }

    @Test func everythingSet_isRead() throws {
        let all = try settings(
            [
                .listenAddresses: ["0.0.0.0:1,unix:///run/x", "[::1]:2"], .endpoints: [""],
                .discoveryDomain: ["Example.com"],
                .discoveryName: ["a"], .insecureDiscovery: ["T"], .trustedCAFile: ["ca.pem"],
                .discoveryVerification: ["target"], .healthCheck: ["https"], .healthInterval: ["0"],
                .healthCertificateFile: ["client.pem"], .healthKeyFile: ["client.key"],
                .dnsServers: ["10.0.0.2", "10.0.0.3:54,[fd00::1]:55,fd00::2"], .minimumTTL: ["2s"], .maximumTTL: ["2s"],
                .removedEndpointGrace: ["0"], .stateDirectory: ["/s"], .policy: ["round-robin"], .dialTimeout: ["10ms"],
                .hedgeDelay: ["0"], .holdTimeout: ["0s"], .retryDelay: ["24h"], .maximumSessions: ["7"], .loops: ["64"],
            ],
            environment: ["ETCD_GATEWAY_TCP_KEEPALIVE": "1s", "ETCD_GATEWAY_TCP_USER_TIMEOUT": "0"],
            file: "ETCD_GATEWAY_SPIN=50\nETCD_GATEWAY_LOOPBACK_CONGESTION=system\n"
                + "ETCD_GATEWAY_LOG_FORMAT='json'\nETCD_GATEWAY_LOG_LEVEL=error\nETCD_GATEWAY_ACCESS_LOG=true")
        #expect(all.listenAddresses.map(\.description) == ["0.0.0.0:1", "unix:///run/x", "[::1]:2"])
        #expect(all.endpoints.isEmpty && !all.endpointsAreDefault)
        #expect(all.discoveryDomain == "example.com")
        #expect(all.discoveryName == "a")
        #expect(all.insecureDiscovery && all.accessLog)
        #expect(all.trustedCAFile == "ca.pem")
        #expect(all.discoveryVerification == .target)
        #expect(all.healthCheck.fixedKind == .https && all.healthInterval == nil)
        #expect(all.healthCertificateFile == "client.pem" && all.healthKeyFile == "client.key")
        #expect(all.dnsServers.map(\.description) == ["10.0.0.2:53", "10.0.0.3:54", "[fd00::1]:55", "[fd00::2]:53"])
        #expect(all.minimumTTL == .seconds(2) && all.maximumTTL == .seconds(2))
        #expect(all.removedEndpointGrace == .zero)
        #expect(all.stateDirectory == "/s")
        #expect(all.policy == .roundRobin)
        #expect(all.dialTimeout == .milliseconds(10))
        #expect(all.hedgeDelay == nil && all.holdTimeout == nil && all.userTimeout == nil)
        #expect(all.retryDelay == .seconds(86400))
        #expect(all.maximumSessions == 7 && all.loops == 64)
        #expect(all.keepalive == .seconds(1))
        #expect(all.spinMicroseconds == 50 && all.loopbackCongestion == nil)
        #expect(all.logFormat == .json && all.logLevel == .error)
    }

    @Test(arguments: ["1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"])
    func booleans_areThoseOfGo(text: String) throws {
        #expect(try settings([.accessLog: [text]]).accessLog == "1tT".contains(text.lowercased().first ?? "?"))
    }

    @Test(
        arguments: [
            (
                .retryDelay, "5",
                #"--retry-delay: "5" cannot be used: a number has no unit; add ms, s, m or h, such as 250ms, 1.5s or 1m0s"#
            ),
            (.retryDelay, "0", #"--retry-delay: "0" cannot be used: allowed is 100ms to 24h0m0s, such as 1m0s"#),
            (.retryDelay, "-1s", #"--retry-delay: "-1s" cannot be used: allowed is 100ms to 24h0m0s, such as 1m0s"#),
            (
                .hedgeDelay, "-1ns",
                #"--hedge-delay: "-1ns" cannot be used: allowed is 0, or 1ms to 1m0s, such as 250ms"#
            ),
            (
                .policy, "roundrobin",
                #"--policy: "roundrobin" cannot be used: write pinned, round-robin, weighted, least-sessions or fastest; did you mean round-robin?"#
            ),
            (
                .policy, "Pinned",
                #"--policy: "Pinned" cannot be used: write pinned, round-robin, weighted, least-sessions or fastest; did you mean pinned?"#
            ),
            (.logLevel, "x", #"--log-level: "x" cannot be used: write debug, info, warning or error"#),
            (.accessLog, "yes", #"--access-log: "yes" cannot be used: write true or false"#),
            (.loops, "65", #"--loops: "65" cannot be used: write a whole number from 0 to 64"#),
            (.spin, "1001", #"--spin: "1001" cannot be used: write a whole number from 0 to 1000"#),
            (
                .loopbackCongestion, "New Reno",
                #"--loopback-congestion: "New Reno" cannot be used: write the name of a congestion control, such as reno or cubic, or system"#
            ),
            (.loops, "-1", #"--loops: "-1" cannot be used: write a whole number from 0 to 64"#),
            (
                .maximumSessions, "1e3",
                #"--max-sessions: "1e3" cannot be used: write a whole number from 0 to 10000000"#
            ),
            (.listenAddresses, "", #"--listen-addr: "" cannot be used: name at least one, such as 127.0.0.1:23790"#),
            (.listenAddresses, "a:1,a:1", #"--listen-addr: "a:1" cannot be used: it is given twice; give it once"#),
            (
                .endpoints, "",
                #"--endpoints: "" cannot be used: no endpoints found; name at least one, such as 10.0.0.1:2379, or use --discovery-srv"#
            ),
            (.endpoints, "a:1,", #"--endpoints: "" cannot be used: it is empty; is there a comma too many?"#),
            (
                .discoveryDomain, "10.0.0.1",
                #"--discovery-srv: "10.0.0.1" cannot be used: write a DNS domain, such as example.com"#
            ),
            (
                .discoveryName, "a",
                #"--discovery-srv-name: "a" cannot be used: it means something only together with --discovery-srv; set that too"#
            ),
            (
                .healthCheck, "tsl",
                #"--health-check: "tsl" cannot be used: write auto, tcp, tls, http or https"#
            ),
            (
                .healthInterval, "50ms",
                #"--health-interval: "50ms" cannot be used: allowed is 0, or 100ms to 1h0m0s, such as 5s"#
            ),
            (
                .healthCertificateFile, "c.pem",
                #"--health-cert-file: "c.pem" cannot be used: it means something only together with --health-key-file; set that too"#
            ),
            (
                .healthKeyFile, "c.key",
                #"--health-key-file: "c.key" cannot be used: it means something only together with --health-cert-file; set that too"#
            ),
            (
                .discoveryVerification, "target",
                #"--discovery-verify: "target" cannot be used: it means something only together with --trusted-ca-file; set that too"#
            ),
            (
                .stateDirectory, "var/lib",
                #"--state-dir: "var/lib" cannot be used: write an absolute path, such as /var/lib/etcd-gateway"#
            ),
            (
                .minimumTTL, "10m",
                #"--min-ttl: "10m" cannot be used: --min-ttl (10m0s) must not be longer than --max-ttl (5m0s)"#
            ),
            (
                .maximumTTL, "500ms",
                #"--max-ttl: "500ms" cannot be used: --min-ttl (1s) must not be longer than --max-ttl (500ms)"#
            ),
        ] as [(Setting, String, String)])
    func wrongFlag_saysWhatWouldBeRight(setting: Setting, text: String, error: String) {
        #expect(errors([setting: [text]]) == [error])
    }

    @Test(arguments: ["dns.example.com", "10.0.0.1:0", "10.0.0.1:", "", "1.2.3", "[::1]"].map { $0 + ",10.0.0.9" })
    func wrongDNSServer_isRefused(text: String) {
        #expect(errors([.dnsServers: [text]]).count == 1)
    }

    @Test func serviceNames_mustFitIntoDNS() {
        let long = String(repeating: "a", count: 47)
        #expect(
            errors([.discoveryDomain: ["example.com"], .discoveryName: [long]]).first?.contains("too long") == true)
        #expect(errors([.discoveryDomain: ["example.com"], .discoveryName: [String(long.dropLast())]]).isEmpty)
        let domain = Array(repeating: String(repeating: "b", count: 60), count: 4).joined(separator: ".")
        #expect(errors([.discoveryDomain: [domain]]).first?.hasPrefix("--discovery-srv:") == true)
        #expect(errors([.discoveryDomain: ["example.com"], .discoveryName: ["a.b"]]).count == 1)
    }

    @Test func tooManyEndpoints_areRefused() {
        let endpoints = (1...257).map { "a:\($0)" }
        #expect(errors([.endpoints: endpoints]).count == 1)
        #expect(errors([.endpoints: Array(endpoints.dropLast())]).isEmpty)
    }

    @Test func allErrors_areToldAtOnce_withTheirPlaces() {
        let found = errors(
            [.endpoints: ["a:0,b:1,c:x"]], environment: ["ETCD_GATEWAY_LOOPS": "many"],
            file: "ETCD_GATEWAY_HOLD_TIMEOUT=forever\nnonsense\nETCD_GATEWAY_CONFIG_FILE=/y\nETCD_GATEWAY_LOOP=1")
        #expect(
            found.map { String($0.prefix { $0 != " " }) } == [
                "/etc/x:2:", "/etc/x:3:", "/etc/x:4:", "--endpoints:", "--endpoints:", "ETCD_GATEWAY_LOOPS:",
                "/etc/x:1:",
            ])
        #expect(found[2] == "/etc/x:4: ETCD_GATEWAY_LOOP is no setting; did you mean ETCD_GATEWAY_LOOPS?")
        #expect(found.allSatisfy { !$0.contains("\n") })
    }

    @Test func emptyText_inTheEnvironment_isAnEmptyText() throws {
        #expect(errors(environment: ["ETCD_GATEWAY_RETRY_DELAY": ""]).count == 1)
        let file = "ETCD_GATEWAY_DISCOVERY_SRV=example.com"
        #expect(try settings(environment: ["ETCD_GATEWAY_DISCOVERY_SRV": ""], file: file).discoveryDomain == nil)
    }

    @Test func unknownEnvironment_isAWarning_forKubernetesInjectsSuchNames() {
        let resolution = resolve(environment: [
            "ETCD_GATEWAY_ENDPOINT": "a", "ETCD_GATEWAY_PORT_23790_TCP": "b", "ETCD_ENDPOINTS": "c",
            "etcd_gateway_x": "d",
            "GATEWAY_LOOPS": "e",
        ])
        #expect(
            resolution.warnings == [
                "environment: ETCD_GATEWAY_ENDPOINT is no setting; did you mean ETCD_GATEWAY_ENDPOINTS?",
                "environment: ETCD_GATEWAY_PORT_23790_TCP is no setting; it is not used",
            ])
        #expect(resolution.result == .success(Settings.defaults))
    }

    @Test func repeatedFlag_countsLast_withAWarning() throws {
        let resolution = resolve([.loops: ["1", "2"], .endpoints: ["a", "b"]])
        #expect(try resolution.result.get().loops == 2)
        #expect(resolution.warnings == ["--loops is given 2 times; the last one counts"])
    }

    @Test func stateDirectory_comesFromSystemd_unlessSet() throws {
        let environment = ["STATE_DIRECTORY": "/var/lib/etcd-gateway:/var/lib/other"]
        #expect(try settings(environment: environment).stateDirectory == "/var/lib/etcd-gateway")
        #expect(try settings([.stateDirectory: ["/x"]], environment: environment).stateDirectory == "/x")
        #expect(try settings([.stateDirectory: [""]], environment: environment).stateDirectory == nil)
        #expect(try settings(environment: ["STATE_DIRECTORY": ""]).stateDirectory == nil)
    }

    @Test func configFilePath_isNamed_orTheDefaultIfItExists() {
        let name = Setting.configFile.environmentName
        let path = Settings.configFilePath(flags:environment:)
        #expect(path([:], [:]) == SettingsFilePath(path: "/etc/default/etcd-gateway", isRequired: false))
        #expect(path([:], [name: "/e"]) == SettingsFilePath(path: "/e", isRequired: true))
        #expect(path([.configFile: ["/a", "/f"]], [name: "/e"]) == SettingsFilePath(path: "/f", isRequired: true))
        #expect(path([.configFile: [""]], [name: "/e"]) == nil)
    }

    @Test func randomTexts_neverTrap() {
        var random = SeededGenerator(seed: 8)
        for _ in 0..<5_000 {
            var flags: [Setting: [String]] = [:]
            for setting in Setting.allCases where Bool.random(using: &random) {
                flags[setting] = [random.text(of: "abst019.::,,/=;[]-é\n", longest: 8)]
            }
            let file = "ETCD_GATEWAY_" + random.text(of: "LOPS=\n\"1", longest: 20)
            if case .failure(let errors) = resolve(flags, environment: flags.environment, file: file).result {
                #expect(!errors.description.isEmpty)
            }
        }
    }
}

extension [Setting: [String]] {
    fileprivate var environment: [String: String] {
        [String: String](uniqueKeysWithValues: map { ($0.key.environmentName, $0.value.first ?? "") })
    }
}

@Suite struct AdminSettingsTests {
    private func settings(
        _ flags: [Setting: [String]] = [:], _ environment: [String: String] = [:]
    ) throws -> Settings {
        try Settings.resolve(flags: flags, environment: environment, file: nil).result.get()
    }

    @Test func adminSocket_isNamed_orInTheManagersDirectory_orNone() throws {
        #expect(try settings().adminSocket == nil)
        let managed = ["RUNTIME_DIRECTORY": "/run/etcd-gateway:/run/other"]
        #expect(try settings([:], managed).adminSocket == "/run/etcd-gateway/admin.sock")
        #expect(try settings([.adminSocket: ["/x/y.sock"]], managed).adminSocket == "/x/y.sock")
        #expect(try settings([.adminSocket: [""]], managed).adminSocket == nil)
    }

    @Test(arguments: ["admin.sock", "/" + String(repeating: "x", count: 107), "/a\nb"])
    func adminSocketThatIsNoPath_isRefused(path: String) {
        #expect(throws: SettingsErrors.self) { try settings([.adminSocket: [path]]) }
    }

    @Test func metricsAddress_isAnAddressAndAPort() throws {
        #expect(try settings().metricsAddress == nil)
        #expect(try settings([.metricsAddress: ["[::1]:9"]]).metricsAddress?.description == "[::1]:9")
        for text in ["localhost:9", "127.0.0.1", ":9", "x"] {
            #expect(throws: SettingsErrors.self) { try settings([.metricsAddress: [text]]) }
        }
    }

    @Test func clients_findTheSocket_whateverElseIsWrong() {
        let flags: [Setting: [String]] = [.retryDelay: ["nonsense"]]
        let environment = ["ETCD_GATEWAY_ADMIN_SOCKET": "/x"]
        #expect(Settings.adminSocketPath(flags: flags, environment: environment, file: nil) == "/x")
        #expect(Settings.adminSocketPath(flags: flags, environment: [:], file: nil) == nil)
    }
}
