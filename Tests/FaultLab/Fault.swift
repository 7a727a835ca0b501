/// What can happen to members. The raw value is the word for `--only`.
enum Fault: String, CaseIterable, Sendable {
    case killed = "kill"
    case refused = "refuse"
    case blackholed = "blackhole"
    case linkDown = "link-down"
    case oneWay = "one-way"
    case frozen = "freeze"
    case backlogFull = "backlog"
    case noQuorum = "no-quorum"
    case allDown = "all-down"
    case replaced = "replace"
    case lossy = "loss"
    case slow = "slow"
    case learner = "learner"
    case spaceAlarm = "nospace"

    /// The few that continuous integration runs each time.
    static let short: [Fault] = [.killed, .blackholed, .frozen, .noQuorum]

    /// For readers.
    var words: String {
        switch self {
        case .killed: "process killed, port closed"
        case .refused: "everything answered by a reset"
        case .blackholed: "host vanished: packets dropped both ways"
        case .linkDown: "cable pulled"
        case .oneWay: "requests arrive, answers are dropped"
        case .frozen: "process stopped: accepts, never answers"
        case .backlogFull: "process stopped, its backlog full"
        case .noQuorum: "cut off from its peers only"
        case .allDown: "all members killed, started again after 3 s"
        case .replaced: "all members replaced one by one, same names"
        case .lossy: "30 % of what arrives is lost"
        case .slow: "answers delayed by 300 ms"
        case .learner: "a learner among the endpoints"
        case .spaceAlarm: "NOSPACE alarm raised"
        }
    }

    /// How the proxy is told about the members.
    enum Endpoints {
        /// By their addresses.
        case addresses
        /// By names that a name server answers for.
        case names
        /// By addresses of relays in front of them.
        case relays
    }

    /// How the proxy is told about the members when this is to happen.
    var endpoints: Endpoints {
        switch self {
        case .replaced: .names
        case .slow: .relays
        default: .addresses
        }
    }

    /// Whether clients lose a member by it, so that the kept session and the silent one must end.
    var takesMemberAway: Bool {
        switch self {
        case .killed, .refused, .blackholed, .linkDown, .oneWay, .frozen, .backlogFull, .noQuorum, .allDown: true
        case .replaced, .lossy, .slow, .learner, .spaceAlarm: false
        }
    }

    /// How long the clients are served before the blow. A gateway that has just started may not yet know how health can
    /// be read; where that decides, it gets the time in which it asks for the first time.
    var peace: Duration { self == .noQuorum ? .milliseconds(6_500) : .milliseconds(1_500) }

    /// How long the clients are watched at least, and at most when they wait for something to happen.
    var observation: (least: Duration, most: Duration) {
        switch self {
        case .killed, .refused, .allDown: (.seconds(3), .seconds(12))
        case .replaced: (.seconds(4), .seconds(12))
        case .lossy: (.seconds(20), .seconds(20))
        case .slow, .spaceAlarm, .learner: (.seconds(8), .seconds(8))
        default: (.seconds(5), .seconds(12))
        }
    }
}
