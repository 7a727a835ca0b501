internal import Glibc
public import Logging

/// Writes log lines to stderr, each with one write(2), in the form that its reader expects. A reader that does not read
/// loses lines; it never stops the gateway.
public struct LineLog: LogHandler {
    /// Keys of every line.
    public var metadata: Logger.Metadata = [:]
    /// Lines below this are not written: what was chosen for all, unless one logger is set to something else.
    public var logLevel: Logger.Level {
        get { ownLevel ?? choice.level }
        set { ownLevel = newValue }
    }
    /// Keys that are asked for with each line.
    public var metadataProvider: Logger.MetadataProvider?
    private var ownLevel: Logger.Level?
    private let choice: LogChoice
    private let descriptor: Int32

    /// A handler that goes by this choice.
    public init(_ choice: LogChoice) {
        self.init(choice, descriptor: STDERR_FILENO)
    }

    /// A handler that writes to a descriptor, which stays open.
    init(_ choice: LogChoice, descriptor: Int32) {
        self.choice = choice
        self.descriptor = descriptor
    }

    /// One key of every line.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line.
    public func log(event: LogEvent) {
        let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
        let fields = all.sorted { $0.key < $1.key }
        let message = event.message.description
        let line =
            switch choice.form {
            case .text: WallClock.text() + " " + Self.text(event.level, message, fields)
            case .json: Self.json(event.level, message, fields)
            case .journal: "<\(event.level.priority)>" + Self.plain(message, fields)
            }
        write(line + "\n")
    }

    // unsafe: nobody changes this variable, and its text is copied; the kernel reads or fills what is ours while a call
    // lasts, no more of it than the count says.
    /// Whether journald reads our stderr (systemd.exec(5), JOURNAL_STREAM).
    static var isJournal: Bool {
        guard let stream = unsafe getenv("JOURNAL_STREAM") else { return false }
        var status = stat()
        guard unsafe fstat(STDERR_FILENO, &status) == 0 else { return false }
        return unsafe String(cString: stream) == "\(status.st_dev):\(status.st_ino)"
    }

    private static func text(_ level: Logger.Level, _ message: String, _ fields: [(key: String, Logger.Metadata.Value)])
        -> String
    {
        let name = level.rawValue
        return name + String(repeating: " ", count: max(0, 8 - name.utf8.count)) + plain(message, fields)
    }

    private static func plain(_ message: String, _ fields: [(key: String, Logger.Metadata.Value)]) -> String {
        fields.reduce(message) { $0 + " " + $1.key + "=" + $1.1.plainText }.onOneLine
    }

    /// The keys that `etcd gateway` has: level, ts, msg, then those of the message.
    private static func json(_ level: Logger.Level, _ message: String, _ fields: [(key: String, Logger.Metadata.Value)])
        -> String
    {
        let name = level == .warning ? "warn" : level.rawValue
        let head = "{\"level\":\"\(name)\",\"ts\":\"\(WallClock.text())\",\"msg\":\(message.jsonQuoted)"
        return fields.reduce(head) { $0 + ",\($1.key.jsonQuoted):\($1.1.json)" } + "}"
    }

    private func write(_ line: String) {
        // A pipe that is full would make the control loop wait for whoever should read it.
        var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let count = unsafe poll(&state, 1, 0)
        // Where poll(2) itself fails nothing is known, and a line is worth the risk.
        guard count == -1 || state.revents & Int16(POLLOUT) != 0 else { return }
        var line = line
        _ = line.withUTF8 { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}

extension Logger.Level {
    /// syslog's numbers (sd-daemon(3)).
    var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
