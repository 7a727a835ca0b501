/// For each setting the text that counts, and where it was found: flag before environment before file before default.
struct GivenSettings {
    /// One text of a setting. A repeated flag gives several.
    struct Value {
        var text: String
        var source: SettingsError.Source
    }

    private(set) var errors: [SettingsError] = []
    private(set) var warnings: [String] = []
    private var values: [Setting: [Value]] = [:]

    init(flags: [Setting: [String]], environment: [String: String], file: (path: String, text: String)?) {
        if let file { addFile(path: file.path, text: file.text) }
        addEnvironment(environment)
        addFlags(flags)
    }

    /// The texts of a list: all of the source that counts.
    func list(of setting: Setting) -> [Value] {
        values[setting] ?? [Value(text: setting.defaultText, source: .builtIn(setting))]
    }

    /// The text of any other setting: the last of the source that counts.
    func last(of setting: Setting) -> Value {
        list(of: setting).last ?? Value(text: setting.defaultText, source: .builtIn(setting))
    }

    /// Whether anybody has set this, be it to an empty text.
    func isGiven(_ setting: Setting) -> Bool { values[setting] != nil }
}

// Each source replaces what the weaker ones before it have set.
extension GivenSettings {
    private mutating func addFile(path: String, text: String) {
        let file = SettingsFile(parsing: text)
        for error in file.errors {
            let source = SettingsError.Source.file(path: path, line: error.line)
            errors.append(SettingsError(source: source, value: nil, advice: "\(error.problem)"))
        }
        for entry in file.entries {
            let source = SettingsError.Source.file(path: path, line: entry.line)
            switch Setting(environmentName: entry.key) {
            case .configFile:
                let advice = "a settings file cannot name another one; use \(Setting.configFile.flag)"
                errors.append(SettingsError(source: source, value: entry.value, advice: advice))
            case .some(let setting):
                values[setting] = [Value(text: entry.value, source: source)]
            case nil:
                errors.append(SettingsError(source: source, value: nil, advice: Self.unknown(entry.key)))
            }
        }
    }

    /// An unknown name is a warning here: Kubernetes injects `ETCD_GATEWAY_PORT` and the like for a service `etcd-gateway`.
    private mutating func addEnvironment(_ environment: [String: String]) {
        let ours = environment.filter { $0.key.utf8.starts(with: Setting.environmentPrefix.utf8) }
        for (name, text) in ours.sorted(by: { $0.key < $1.key }) {
            if let setting = Setting(environmentName: name) {
                values[setting] = [Value(text: text, source: .environment(name))]
            } else {
                warnings.append("environment: " + Self.unknown(name))
            }
        }
    }

    private mutating func addFlags(_ flags: [Setting: [String]]) {
        for setting in Setting.allCases {
            guard let texts = flags[setting], !texts.isEmpty else { continue }
            values[setting] = texts.map { Value(text: $0, source: .flag(setting)) }
            if texts.count > 1, !setting.isRepeatable {
                warnings.append("\(setting.flag) is given \(texts.count) times; the last one counts")
            }
        }
    }

    private static func unknown(_ name: String) -> String {
        let known = Setting.allCases.map(\.environmentName)
        let nearest = Nearest.match(for: name, among: known).map { "; did you mean \($0)?" } ?? "; it is not used"
        return "\(printable(name)) is no setting\(nearest)"
    }
}
