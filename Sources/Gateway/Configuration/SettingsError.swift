/// A value that cannot be used. The description is one line: where it stands, what is wrong, what would be right.
public struct SettingsError: Error, Hashable, Sendable {
    /// Where a value was found.
    public enum Source: Hashable, Sendable {
        /// On the command line.
        case flag(Setting)
        /// In the environment, under this name.
        case environment(String)
        /// In a settings file.
        case file(path: String, line: Int)
        /// Nowhere: it is the default.
        case builtIn(Setting)
    }

    /// Where the value was found.
    public var source: Source
    /// The value as it was written; `nil` where the error is not about a value.
    public var value: String?
    /// What is wrong and what would be right.
    public var advice: String

    /// An error about one value.
    public init(source: Source, value: String?, advice: String) {
        self.source = source
        self.value = value
        self.advice = advice
    }
}

extension SettingsError.Source: CustomStringConvertible {
    /// `--retry-delay`, `ETCD_GATEWAY_RETRY_DELAY`, `/etc/default/etcd-gateway:12`.
    public var description: String {
        switch self {
        case .flag(let setting): setting.flag
        case .environment(let name): printable(name)
        case .file(let path, let line): "\(printable(path)):\(line)"
        case .builtIn(let setting): "default of \(setting.flag)"
        }
    }
}

extension SettingsError: CustomStringConvertible {
    /// One line: `--retry-delay: "5" cannot be used: …`.
    public var description: String {
        guard let value else { return "\(source): \(advice)" }
        return "\(source): \(quoted(value)) cannot be used: \(advice)"
    }
}

/// Everything that is wrong with the settings, so that a user can mend it in one go. Never empty.
public struct SettingsErrors: Error, Hashable, Sendable, CustomStringConvertible {
    /// First the unreadable lines of the settings file, then the values.
    public var all: [SettingsError]

    /// At least one error.
    public init(all: [SettingsError]) {
        self.all = all
    }

    /// One line for each error.
    public var description: String { all.map(\.description).joined(separator: "\n") }
}
