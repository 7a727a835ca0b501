extension SettingsReader {
    /// More endpoints than this are a mistake, and a bound for everything that is kept for each.
    private static var mostEndpoints: Int { 256 }
    /// The word for "whatever this machine uses".
    private static var systemsCongestion: String { "system" }

    /// All settings; `nil` or with substitutes where `errors` is not empty.
    mutating func settings(systemStateDirectory: String?, systemRuntimeDirectory: String?) -> Settings? {
        let listenAddresses = readListenAddresses()
        let discoveryDomain = readDiscoveryDomain()
        let discoveryName = readDiscoveryName(domain: discoveryDomain)
        let endpoints = readEndpoints()
        let dnsServers = list(.dnsServers, Self.dnsServer)
        let stateDirectory = readStateDirectory(system: systemStateDirectory)
        let (insecureDiscovery, accessLog) = (boolean(.insecureDiscovery), boolean(.accessLog))
        let (drainTimeout, drainsOnStop) = (duration(.drainTimeout), boolean(.drainOnStop))
        let (maximumSessions, loops, rebalance) = (number(.maximumSessions), number(.loops), number(.rebalance))
        let (policy, logFormat, logLevel): (Policy?, LogFormat?, LogLevel?)
        (policy, logFormat, logLevel) = (choice(.policy), choice(.logFormat), choice(.logLevel))
        let (minimumTTL, maximumTTL) = readTTLs()
        let (grace, retryDelay) = (duration(.removedEndpointGrace), duration(.retryDelay))
        let (dialTimeout, hedgeDelay, holdTimeout) = (
            duration(.dialTimeout), duration(.hedgeDelay), duration(.holdTimeout)
        )
        let (healthCheck, healthInterval): (HealthCheck?, Duration?) = (choice(.healthCheck), duration(.healthInterval))
        if policy == .fastest, healthInterval == .zero {
            let advice = "\(Setting.policy.flag)=\(Policy.fastest.rawValue) measures by routine probes"
            reject(given.last(of: .healthInterval), "\(advice); give it an interval, such as 5s")
        }
        let (healthCertificateFile, healthKeyFile) = readHealthIdentity()
        let onEndpointDown: EndpointDownPolicy? = choice(.onEndpointDown)
        let crashSafety: CrashSafety? = choice(.crashSafe)
        let discoveryVerification = readDiscoveryVerification()
        let (keepalive, userTimeout) = (duration(.keepalive), duration(.userTimeout))
        let (loopbackCongestion, spinMicroseconds) = (readLoopbackCongestion(), number(.spin))
        let (adminSocket, metricsAddress) = (readAdminSocket(system: systemRuntimeDirectory), readMetricsAddress())
        guard
            let policy, let logFormat, let logLevel, let minimumTTL, let maximumTTL, let grace, let retryDelay,
            let dialTimeout, let hedgeDelay, let holdTimeout, let keepalive, let userTimeout, let healthCheck,
            let healthInterval, let discoveryVerification, let onEndpointDown, let drainTimeout,
            let crashSafety
        else { return nil }
        return Settings(
            listenAddresses: listenAddresses, listenAddressesAreDefault: !given.isGiven(.listenAddresses),
            endpoints: endpoints, endpointsAreDefault: !given.isGiven(.endpoints),
            discoveryDomain: discoveryDomain, discoveryName: discoveryName, insecureDiscovery: insecureDiscovery,
            trustedCAFile: text(.trustedCAFile), discoveryVerification: discoveryVerification, dnsServers: dnsServers,
            minimumTTL: minimumTTL, maximumTTL: maximumTTL, removedEndpointGrace: grace, stateDirectory: stateDirectory,
            policy: policy, rebalance: rebalance,
            dialTimeout: dialTimeout, hedgeDelay: hedgeDelay.unlessZero, holdTimeout: holdTimeout.unlessZero,
            retryDelay: retryDelay, healthCheck: healthCheck, healthInterval: healthInterval.unlessZero,
            healthCertificateFile: healthCertificateFile, healthKeyFile: healthKeyFile,
            onEndpointDown: onEndpointDown,
            maximumSessions: maximumSessions.unlessZero, drainTimeout: drainTimeout, drainsOnStop: drainsOnStop,
            crashSafety: crashSafety, loops: loops.unlessZero,
            keepalive: keepalive, userTimeout: userTimeout.unlessZero,
            loopbackCongestion: loopbackCongestion, spinMicroseconds: spinMicroseconds,
            adminSocket: adminSocket, metricsAddress: metricsAddress, logFormat: logFormat, logLevel: logLevel,
            accessLog: accessLog)
    }

    private mutating func readListenAddresses() -> [ListenAddress] {
        let errorsBefore = errors.count
        let addresses = list(.listenAddresses) { text in
            Result { () throws(ListenAddressError) in try ListenAddress(parsing: text) }.mapError { error in
                Advice(text: "\(error.problem)")
            }
        }
        if addresses.isEmpty, errors.count == errorsBefore {
            reject(
                given.last(of: .listenAddresses), "name at least one, such as \(Setting.listenAddresses.defaultText)")
        }
        for (index, address) in addresses.enumerated() where addresses[..<index].contains(address) && !address.isAnyPort
        {
            let source = given.last(of: .listenAddresses).source
            reject(GivenSettings.Value(text: address.description, source: source), "it is given twice; give it once")
        }
        return addresses
    }

    private mutating func readEndpoints() -> [StaticEndpoint] {
        let errorsBefore = errors.count
        let endpoints = list(.endpoints) { text in
            Result { () throws(EndpointSyntaxError) in try StaticEndpoint(parsing: text) }.mapError { error in
                Advice(text: "\(error.problem)")
            }
        }
        if endpoints.isEmpty, errors.count == errorsBefore, text(.discoveryDomain) == nil {
            let advice = "no endpoints found; name at least one, such as 10.0.0.1:2379, or use --discovery-srv"
            reject(given.last(of: .endpoints), advice)
        }
        if endpoints.count > Self.mostEndpoints {
            let advice = "there are \(endpoints.count) endpoints; name at most \(Self.mostEndpoints)"
            reject(given.last(of: .endpoints), advice)
        }
        return endpoints
    }

    private mutating func readDiscoveryDomain() -> String? {
        guard let domain = text(.discoveryDomain) else { return nil }
        if case .name(let name) = Host(domain) { return name }
        reject(given.last(of: .discoveryDomain), "write a DNS domain, such as example.com")
        return nil
    }

    private mutating func readDiscoveryName(domain: String?) -> String? {
        if domain != nil, text(.discoveryName) == nil { checkServiceNames(domain: domain, suffix: nil) }
        guard let name = text(.discoveryName) else { return nil }
        let value = given.last(of: .discoveryName)
        guard text(.discoveryDomain) != nil else {
            reject(value, "it means something only together with \(Setting.discoveryDomain.flag); set that too")
            return nil
        }
        guard name.utf8.allSatisfy(\.isHostNameByte) else {
            reject(value, "write letters, digits, - and _ only")
            return nil
        }
        checkServiceNames(domain: domain, suffix: name)
        return name
    }

    /// The kernel's names have at most 15 bytes. Whether it knows one is found out where it is used.
    private mutating func readLoopbackCongestion() -> String? {
        guard let name = text(.loopbackCongestion), name != Self.systemsCongestion else { return nil }
        guard name.utf8.count <= 15, name.utf8.allSatisfy(\.isHostNameByte) else {
            let advice = "write the name of a congestion control, such as reno or cubic, or \(Self.systemsCongestion)"
            reject(given.last(of: .loopbackCongestion), advice)
            return nil
        }
        return name
    }

    private mutating func readDiscoveryVerification() -> DiscoveryVerification? {
        let verification: DiscoveryVerification? = choice(.discoveryVerification)
        if verification == .target, text(.trustedCAFile) == nil {
            let advice = "it means something only together with \(Setting.trustedCAFile.flag); set that too"
            reject(given.last(of: .discoveryVerification), advice)
        }
        return verification
    }

    private mutating func readHealthIdentity() -> (certificate: String?, key: String?) {
        let (certificate, key) = (text(.healthCertificateFile), text(.healthKeyFile))
        guard (certificate == nil) != (key == nil) else { return (certificate, key) }
        let (named, missing): (Setting, Setting) =
            key == nil ? (.healthCertificateFile, .healthKeyFile) : (.healthKeyFile, .healthCertificateFile)
        reject(given.last(of: named), "it means something only together with \(missing.flag); set that too")
        return (nil, nil)
    }

    private mutating func readStateDirectory(system: String?) -> String? {
        // systemd joins several directories by colons; ours is the first.
        let named = text(.stateDirectory)
        guard let named else {
            return given.isGiven(.stateDirectory) ? nil : system?.split(separator: ":").first.map(String.init)
        }
        guard named.hasPrefix("/") else {
            reject(given.last(of: .stateDirectory), "write an absolute path, such as /var/lib/etcd-gateway")
            return nil
        }
        return named
    }

    /// The longest path that fits into `sockaddr_un` with its terminating zero (unix(7)), in bytes.
    private static var longestSocketPath: Int { 107 }

    private mutating func readAdminSocket(system: String?) -> String? {
        guard let named = text(.adminSocket) else {
            let directory = given.isGiven(.adminSocket) ? nil : system?.split(separator: ":").first
            return directory.map { "\($0)/admin.sock" }.flatMap { $0.utf8.count > Self.longestSocketPath ? nil : $0 }
        }
        guard named.hasPrefix("/"), named.utf8.count <= Self.longestSocketPath, !named.utf8.contains(where: \.isControl)
        else {
            reject(
                given.last(of: .adminSocket),
                "write an absolute path of at most \(Self.longestSocketPath) bytes, such as /run/etcd-gateway/admin.sock"
            )
            return nil
        }
        return named
    }

    private mutating func readMetricsAddress() -> SocketAddress? {
        guard let text = text(.metricsAddress) else { return nil }
        if let address = SocketAddress(text[...]) { return address }
        reject(given.last(of: .metricsAddress), "write an IP address and a port, such as 127.0.0.1:23791")
        return nil
    }

    private mutating func readTTLs() -> (minimum: Duration?, maximum: Duration?) {
        let (minimum, maximum) = (duration(.minimumTTL), duration(.maximumTTL))
        guard let minimum, let maximum, minimum > maximum else { return (minimum, maximum) }
        let blamed: Setting = given.isGiven(.minimumTTL) ? .minimumTTL : .maximumTTL
        let advice = "\(Setting.minimumTTL.flag) (\(minimum.goText)) must not be longer than"
        reject(given.last(of: blamed), "\(advice) \(Setting.maximumTTL.flag) (\(maximum.goText))")
        return (minimum, maximum)
    }

    /// The longest label of DNS has 63 bytes, the longest name 253: both leave less to domain and suffix.
    private mutating func checkServiceNames(domain: String?, suffix: String?) {
        guard let domain else { return }
        let names = ServiceName.all(domain: domain, suffix: suffix)
        guard let tooLong = names.first(where: { !Host.isValidName($0.text) }) else { return }
        let blamed: Setting = suffix == nil ? .discoveryDomain : .discoveryName
        reject(given.last(of: blamed), "\(printable(tooLong.text)) is too long for DNS; shorten it")
    }

    private static func dnsServer(_ text: Substring) -> Result<SocketAddress, Advice> {
        if let ip = IPAddress(text) { return .success(SocketAddress(ip: ip, port: 53)) }
        if let address = SocketAddress(text), address.port != 0 { return .success(address) }
        return .failure(
            Advice(text: "write an address such as 10.0.0.2, 10.0.0.2:53 or [fd00::2]:53; names do not work"))
    }
}

extension Duration {
    /// `nil` for zero, which means "not at all" in a setting.
    fileprivate var unlessZero: Duration? { self == .zero ? nil : self }
}

extension Int {
    /// `nil` for zero, which means "you choose" in a setting.
    fileprivate var unlessZero: Int? { self == 0 ? nil : self }
}
