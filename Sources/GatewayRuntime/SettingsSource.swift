internal import CLinux
public import Gateway

/// Where settings come from: flags and environment, which stay, and a file, which is read anew each time.
public struct SettingsSource: Sendable {
    private let flags: [Setting: [String]]
    private let environment: [String: String]

    /// These flags, this environment, and the settings file that they name.
    public init(flags: [Setting: [String]], environment: [String: String]) {
        self.flags = flags
        self.environment = environment
    }

    /// What was read.
    struct Reading: Sendable {
        var settings: Settings
        /// What a user should know although nothing is wrong; one line each.
        var warnings: [String]
        /// The settings file that was read; `nil` where there is none.
        var path: String?
    }

    /// Why the settings cannot be used; one line for each reason, never none.
    struct Trouble: Error, Equatable {
        var lines: [String]
    }

    /// Reads all settings, whole or not at all.
    ///
    /// - Parameter earlier: The file that was read before. The default file need not exist; but one that is there must be
    ///   readable, and one that has vanished is more likely being replaced than meant to be without effect.
    func read(after earlier: String? = nil) throws(Trouble) -> Reading {
        var file: (path: String, text: String)?
        if let path = Settings.configFilePath(flags: flags, environment: environment) {
            if let text = SystemFile.read(path.path) {
                file = (path.path, text)
            } else if path.isRequired || isThere(path.path) {
                throw Trouble(lines: ["\(Setting.configFile.flag): cannot read \(path.path)"])
            } else if earlier == path.path {
                throw Trouble(lines: ["cannot read \(path.path), which was there before"])
            }
        }
        let resolution = Settings.resolve(flags: flags, environment: environment, file: file)
        switch resolution.result {
        case .success(let settings):
            return Reading(settings: settings, warnings: resolution.warnings, path: file?.path)
        case .failure(let errors):
            throw Trouble(lines: errors.all.map(\.description))
        }
    }

    private func isThere(_ path: String) -> Bool { unsafe clinux_stamp(path).exists != 0 }  // unsafe: C reads the path
}
