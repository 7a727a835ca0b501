import Gateway

/// The settings file as the package installs it: every setting commented, with its default and its sentence.
///
/// `debian/etcd-gateway.default` is this text. After a change of the table of settings, write it anew:
/// `WRITE_SETTINGS_FILE=1 swift test --filter settingsFile_isTheTable`.
enum SettingsFileText {
    static let path = "debian/etcd-gateway.default"

    /// A settings file cannot name another one.
    static let settings = Setting.allCases.filter { $0 != .configFile }

    static var text: String {
        SettingGroup.allCases.reduce(head) { $0 + chapter($1) }
    }

    private static let head = """
        # Settings of etcd-gateway; etcd-gateway.conf(5) explains them.
        #
        # Each stands here with its default. To change one, take the # away. A line that is wrong is never ignored: the
        # gateway says which, and what would be right. Then: systemctl reload etcd-gateway

        """

    private static func chapter(_ group: SettingGroup) -> String {
        let entries = group.settings.filter(settings.contains).map(entry).joined()
        return "\n# --- \(group.title) ---\n" + entries
    }

    private static func entry(_ setting: Setting) -> String {
        let allowed = setting.allowedValues.map { " (\($0))" } ?? ""
        let note = setting == .listenAddresses ? socketNote : ""
        return "\n# \(setting.summary)\(allowed)\n\(note)\(line(setting))\n"
    }

    /// What is so with the package alone, whose socket unit comes first.
    private static let socketNote =
        "# The service does not use it while there is etcd-gateway.socket: etcd-gateway(8), OTHER ADDRESSES.\n"

    /// The line that stands in the file, and takes effect without its first character.
    static func line(_ setting: Setting) -> String { "#\(setting.environmentName)=\(setting.defaultText)" }
}
