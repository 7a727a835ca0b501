/// A change of state that happened lately, as the log told it.
public struct StatusEvent: Hashable, Sendable {
    /// When.
    public var time: WallTime
    /// What.
    public var line: NoticeLine

    /// A line of the log with its time.
    public init(time: WallTime, line: NoticeLine) {
        self.time = time
        self.line = line
    }

    /// What follows the message: `address=10.0.0.1:2379 error="connection refused"`.
    public var fieldsText: String {
        line.fields.map { field in
            let text = field.value.text ?? "\(field.value)"
            return "\(field.name)=\(text.utf8.contains(UInt8(ascii: " ")) ? JSON.quoted(text) : text)"
        }.joined(separator: " ")
    }
}

extension StatusEvent {
    /// `{"time":…,"level":…,"message":…,"fields":{…}}`
    var json: JSON {
        .members([
            "time": .string("\(time)"), "level": .string(line.level.rawValue), "message": .string(line.message),
            "fields": .object(line.fields),
        ])
    }

    /// Reads ``json``.
    init?(_ json: JSON) {
        guard let time = json["time"]?.text.flatMap({ WallTime($0) }), let message = json["message"]?.text else {
            return nil
        }
        let level = json["level"]?.text.flatMap { LogLevel(rawValue: $0) } ?? .info
        var line = NoticeLine(level, message)
        if case .object(let fields) = json["fields"] { line.fields = fields }
        self.init(time: time, line: line)
    }
}
