internal import Gateway
internal import Logging

/// Writes notices to the log.
struct NoticeLog {
    let logger: Logger

    func write(_ line: NoticeLine) {
        let metadata = line.fields.map { ($0.name, $0.value.metadata) }
        logger.log(
            level: line.level.loggerLevel, "\(line.message)", metadata: Logger.Metadata(metadata) { first, _ in first })
    }
}

extension JSON {
    /// Numbers stay numbers where the log is JSON.
    fileprivate var metadata: Logger.MetadataValue {
        if let number = integer(Int.self) { return .stringConvertible(number) }
        return .string(text ?? description)
    }
}

extension LogLevel {
    /// The same in the words of swift-log.
    var loggerLevel: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
