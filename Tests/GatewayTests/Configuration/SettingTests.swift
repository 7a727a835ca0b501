import Gateway
import Testing

@Suite struct SettingTests {
    @Test func names_followFromEachOther() {
        #expect(Setting.listenAddresses.flag == "--listen-addr")
        #expect(Setting.listenAddresses.environmentName == "ETCD_GATEWAY_LISTEN_ADDR")
        #expect(Setting.userTimeout.environmentName == "ETCD_GATEWAY_TCP_USER_TIMEOUT")
    }

    @Test(arguments: Setting.allCases)
    func environmentName_findsItsSetting(setting: Setting) {
        #expect(Setting(environmentName: setting.environmentName) == setting)
        #expect(Setting(environmentName: setting.environmentName.lowercased()) == nil)
    }

    /// The flags of `etcd gateway start` with its defaults.
    @Test(arguments: [
        ("listen-addr", "127.0.0.1:23790"), ("endpoints", "127.0.0.1:2379"), ("discovery-srv", ""),
        ("discovery-srv-name", ""),
        ("insecure-discovery", "false"), ("trusted-ca-file", ""), ("retry-delay", "1m0s"),
    ])
    func flagsOfTheOldGateway_keepTheirDefaults(flag: String, defaultText: String) {
        #expect(Setting(rawValue: flag)?.defaultText == defaultText)
    }

    @Test(arguments: Setting.allCases)
    func everySetting_isExplainedInOneSentence(setting: Setting) {
        #expect(setting.summary.hasSuffix("."))
        #expect(20...120 ~= setting.summary.count)
        #expect(!setting.summary.contains("\n"))
        #expect(setting.valueName.isEmpty == setting.isBoolean)
    }

    @Test func everySetting_isInOneGroup_andInTheirOrder() {
        #expect(SettingGroup.allCases.flatMap(\.settings) == Setting.allCases)
        #expect(SettingGroup.allCases.map(\.title).first == "Listening")
    }

    @Test func kinds() {
        #expect(Setting.allCases.filter(\.isBoolean) == [.insecureDiscovery, .drainOnStop, .accessLog])
        #expect(Setting.allCases.filter(\.isRepeatable) == [.listenAddresses, .endpoints, .dnsServers])
        #expect(Setting.retryDelay.allowedValues == "100ms to 24h0m0s")
        #expect(Setting.hedgeDelay.allowedValues == "0, or 1ms to 1m0s")
        #expect(Setting.policy.allowedValues == "pinned, round-robin, weighted, least-sessions or fastest")
        #expect(Setting.stateDirectory.allowedValues == nil)
    }
}
