public import Gateway
internal import Glibc
internal import Logging
internal import Synchronization

/// What is logged and in which form. It can be changed while everybody logs.
public final class LogChoice: Sendable {
    /// A chosen form; `auto` has been resolved.
    enum Form: UInt8, Sendable {
        case text, json, journal
    }

    private let formNumber: Atomic<UInt8>
    private let levelNumber: Atomic<UInt8>

    /// The choice of these settings.
    public init(format: LogFormat, level: LogLevel) {
        formNumber = Atomic(Self.form(format).rawValue)
        levelNumber = Atomic(Self.number(of: level))
    }

    /// This form, whatever stderr is.
    init(form: Form, level: LogLevel) {
        formNumber = Atomic(form.rawValue)
        levelNumber = Atomic(Self.number(of: level))
    }

    /// From any thread: another choice holds for the next line.
    func change(format: LogFormat, level: LogLevel) {
        formNumber.store(Self.form(format).rawValue, ordering: .relaxed)
        levelNumber.store(Self.number(of: level), ordering: .relaxed)
    }

    /// From any thread: this level holds for the next line.
    func change(level: LogLevel) { levelNumber.store(Self.number(of: level), ordering: .relaxed) }

    var form: Form {
        guard let form = Form(rawValue: formNumber.load(ordering: .relaxed)) else {
            preconditionFailure("only forms are stored")
        }
        return form
    }

    /// The level in the words of the settings.
    var levelOfSettings: LogLevel {
        LogLevel.allCases.first { Self.number(of: $0) == levelNumber.load(ordering: .relaxed) } ?? .info
    }

    var level: Logger.Level { Logger.Level.allCases[Int(levelNumber.load(ordering: .relaxed))] }

    private static func number(of level: LogLevel) -> UInt8 {
        let level: Logger.Level =
            switch level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        return UInt8(Logger.Level.allCases.firstIndex(of: level) ?? 0)
    }

    /// journald where it reads our stderr, text for a person, JSON for a program.
    private static func form(_ format: LogFormat) -> Form {
        switch format {
        case .text: .text
        case .json: .json
        case .journal: .journal
        case .auto: LineLog.isJournal ? .journal : isatty(STDERR_FILENO) == 1 ? .text : .json
        }
    }
}
