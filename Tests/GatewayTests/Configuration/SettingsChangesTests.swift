import Testing

@testable import Gateway

@Suite struct SettingsChangesTests {
    /// Another value than the default for each setting that has one, beside what else it needs.
    private static let others: [(Setting, [Setting: [String]])] = Setting.allCases.compactMap { setting in
        let text: String
        switch setting {
        case .configFile: return nil
        case .discoveryName: return (setting, [setting: ["a"], .discoveryDomain: ["example.com"]])
        case .discoveryVerification: return (setting, [setting: ["target"], .trustedCAFile: ["/a"]])
        case .healthCertificateFile: return (setting, [setting: ["/a"], .healthKeyFile: ["/b"]])
        case .healthKeyFile: return (setting, [setting: ["/a"], .healthCertificateFile: ["/b"]])
        case .listenAddresses, .endpoints: text = "10.0.0.1:5"
        case .dnsServers: text = "10.0.0.1"
        case .discoveryDomain: text = "example.com"
        case .trustedCAFile, .stateDirectory, .adminSocket: text = "/a"
        case .metricsAddress: text = "127.0.0.1:9"
        case .loopbackCongestion: text = "cubic"
        default:
            switch setting.kind {
            case .boolean: text = "true"
            case .number: text = "7"
            case .duration: text = "7s"
            case .choice(let words): text = words.last { $0 != setting.defaultText } ?? ""
            case .text, .list: text = ""
            }
        }
        return (setting, [setting: [text]])
    }

    private func settings(_ texts: [Setting: [String]]) throws -> Settings {
        try Settings.resolve(flags: texts, environment: [:], file: nil).result.get()
    }

    @Test(arguments: others)
    func everySetting_isMissedByNobody(setting: Setting, texts: [Setting: [String]]) throws {
        let new = try settings(texts)
        #expect(Set(Settings.defaults.changes(to: new)) == Set(texts.keys))
        #expect(new.changes(to: new).isEmpty)
        let inForce = new.keepingUntilRestart(.defaults)
        #expect(Set(inForce.changes(to: new)) == Set(texts.keys.filter { !$0.isReloadable }))
    }

    @Test func theyCoverTheTable() {
        #expect(Self.others.count == Setting.allCases.count - 1)
    }
}
