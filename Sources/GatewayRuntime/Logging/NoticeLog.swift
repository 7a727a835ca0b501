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

    /// This was the last line of an endpoint for a while.
    func comesAndGoes(_ line: NoticeLine) {
        let address = line.fields.first { $0.name == "address" }?.value.metadata ?? ""
        logger.warning(
            "endpoint comes and goes; it is told of again when a minute has passed", metadata: ["address": address])
    }

    /// What was not written meanwhile.
    func cameAndWent(_ silence: NoticePace.Silence, isGood: Bool?) {
        logger.warning(
            "endpoint came and went while it was not told of",
            metadata: [
                "address": "\(silence.endpoint)", "times": .stringConvertible(silence.suppressed),
                "state": isGood.map { $0 ? "good" : "down" } ?? "removed",
            ])
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
