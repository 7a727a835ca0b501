import ArgumentParser
import Gateway
import GatewayRuntime

/// The whole command line: words say what to do, flags may stand before, between and after them.
struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "etcd-gateway",
        abstract: "One stable local address for an etcd cluster.",
        usage: """
            etcd-gateway [start] [flags]
            etcd-gateway gateway start [flags]   (as in `etcd gateway start`)
            etcd-gateway check [flags]
            etcd-gateway status [--json] [--watch]
            etcd-gateway sessions [--sort=age] [--limit=1000] [--json]
            etcd-gateway explain [--json]
            etcd-gateway reload | drain ENDPOINT | undrain ENDPOINT | log-level LEVEL
            etcd-gateway version
            """,
        discussion: """
            Applications talk to 127.0.0.1:23790; the gateway forwards their connections, bytes untouched, to a member \
            of the cluster that works, and to another one when that fails.

            With members written down:  etcd-gateway --endpoints=infra0.example.com,infra1.example.com
            With members found by DNS:  etcd-gateway --discovery-srv=example.com

            What it is doing:                   etcd-gateway status
            What is wrong, and how to mend it:  etcd-gateway check

            Every flag can also be given as an environment variable (--retry-delay: ETCD_GATEWAY_RETRY_DELAY), or as a \
            line KEY=value with that name in the settings file. A flag wins over the environment, the environment over \
            the file. Durations are written like 250ms, 10s or 1m0s.
            """,
        version: Version.text)

    /// What is to be done.
    enum Task: Equatable {
        case start, version, check
        case client(ClientCommand)
    }

    private static let commands = [
        "start", "check", "status", "sessions", "explain", "reload", "drain", "undrain", "log-level", "version",
    ]

    @Argument(
        help: """
            What to do: start (the default), check, status, sessions, explain, reload, drain, undrain, log-level or version.
            """,
        completion: .list(commands))
    var words: [String] = []
    @Flag(help: "With status, sessions, explain: write JSON.")
    var json = false
    @Flag(help: "With status: look again every second.")
    var watch = false
    @Option(
        help: "With sessions: which come first: \(SessionOrder.allCases.map(\.rawValue).joined(separator: ", ")).",
        completion: .list(SessionOrder.allCases.map(\.rawValue)))
    var sort: String?
    @Option(help: "With sessions: how many are shown, at most \(SessionList.atMost).")
    var limit: String?
    @OptionGroup var flags: CommandLineFlags

    /// The task that the words name.
    func task() throws -> Task {
        let task = try taskOfWords()
        try checkOptions(of: task)
        return task
    }

    private func taskOfWords() throws -> Task {
        switch words {
        case [], ["start"], ["gateway"], ["gateway", "start"]: return .start
        case ["version"]: return .version
        case ["check"]: return .check
        case ["status"]: return .client(.status(isJSON: json, isWatching: watch))
        case ["sessions"]: return .client(try sessions())
        case ["explain"]: return .client(.explain(isJSON: json))
        case ["reload"]: return .client(.order(.reload))
        default: break
        }
        guard words.count == 2, let order = try order(words[0], words[1]) else {
            throw ValidationError(
                """
                "\(words.joined(separator: " "))" is no command; right would be: start (the default), check, status, \
                sessions, explain, reload, drain ENDPOINT, undrain ENDPOINT, log-level LEVEL or version
                """)
        }
        return .client(.order(order))
    }

    private func sessions() throws -> ClientCommand {
        guard let order = SessionOrder(rawValue: sort ?? SessionOrder.age.rawValue) else {
            throw ValidationError("--sort takes \(SessionOrder.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard let limit = Int(limit ?? String(SessionList.usually)), 1...SessionList.atMost ~= limit else {
            throw ValidationError("--limit takes a number from 1 to \(SessionList.atMost)")
        }
        return .sessions(order, limit: limit, isJSON: json)
    }

    private func order(_ word: String, _ value: String) throws -> AdminOrder? {
        switch word {
        case "drain": return .drain(endpoint: value)
        case "undrain": return .undrain(endpoint: value)
        case "log-level":
            guard let level = LogLevel(rawValue: value) else {
                throw ValidationError("log-level takes \(LogLevel.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return .logLevel(level)
        default: return nil
        }
    }

    /// Nothing that is given is silently ignored.
    private func checkOptions(of task: Task) throws {
        var allowed: Set<String> = []
        if case .client(let command) = task {
            switch command {
            case .status: allowed = ["--json", "--watch"]
            case .sessions: allowed = ["--json", "--sort", "--limit"]
            case .explain: allowed = ["--json"]
            case .order: break
            }
        }
        let given = [("--json", json), ("--watch", watch), ("--sort", sort != nil), ("--limit", limit != nil)]
        for (option, isGiven) in given where isGiven && !allowed.contains(option) {
            throw ValidationError("\(option) means nothing to \(words.first ?? "start")")
        }
    }

    /// A flag without a value that is a Boolean means true: `--insecure-discovery`, as with `etcd gateway`.
    static func normalized(_ arguments: [String]) -> [String] {
        let booleans = Set(Setting.allCases.filter(\.isBoolean).map(\.flag))
        return arguments.map { booleans.contains($0) ? $0 + "=true" : $0 }
    }
}
