import Gateway
import GatewayTesting

/// The members behind a fleet, as each gateway sees them, and their zone.
struct FleetCluster {
    enum Behaviour {
        case listening, refusing, silent
    }

    static let timeToLive = Duration.seconds(30)
    static let service = "_etcd-client._tcp.fleet"
    private static let firstHost: UInt32 = 0x0A00_0001
    /// What a member needs for the answer to a probe.
    private static let answerTime = Duration.microseconds(500)
    /// How long a probe waits.
    static let probePatience = Duration.milliseconds(500)
    /// After so long the resolver asks again, twice, and then gives up.
    static let resolverTries: [Duration] = [.zero, .milliseconds(500), .milliseconds(1_500)]
    static let resolverPatience = Duration.milliseconds(3_500)
    private static let lookup = Duration.milliseconds(2)

    var behaviours = [Behaviour](repeating: .listening, count: 2 * FleetScenario.listed)
    var extraTimes = [Duration](repeating: .zero, count: 2 * FleetScenario.listed)
    var areNamesSilent = false
    private let weights: [UInt16]
    private var services: Answer
    private let addresses: [String: Answer]

    init(_ scenario: FleetScenario) {
        weights = (0..<2 * FleetScenario.listed).map(scenario.weight)
        services = Self.services(listing: 0..<FleetScenario.listed, weights)
        addresses = Dictionary(
            uniqueKeysWithValues: weights.indices.map { member in
                let ip = Self.address(of: member).ip
                return (Self.name(of: member), .addresses([ip], timeToLive: Self.timeToLive))
            })
    }

    mutating func list(_ members: Range<Int>) { services = Self.services(listing: members, weights) }

    private static func services(listing members: Range<Int>, _ weights: [UInt16]) -> Answer {
        let records = members.map { member in
            ServiceRecord(priority: 0, weight: weights[member], port: 2379, target: name(of: member))
        }
        return .services(records, timeToLive: timeToLive)
    }

    private static func name(of member: Int) -> String { "m\(member).fleet" }

    static func address(of member: Int) -> SocketAddress {
        SocketAddress(ip: .v4(firstHost + UInt32(member)), port: 2379)
    }

    static func member(at address: SocketAddress) -> Int {
        guard case .v4(let host) = address.ip else { preconditionFailure("members have IPv4 addresses alone") }
        return Int(host - firstHost)
    }

    /// What the name server says, and after how long.
    func answer(_ question: Question) -> (after: Duration, answer: Answer) {
        if areNamesSilent { return (Self.resolverPatience, .failed("timeout")) }
        switch question {
        case .services(Self.service): return (Self.lookup, services)
        case .addresses(_, .v4): return (Self.lookup, addresses[question.name] ?? .nothing(timeToLive: nil))
        case .services, .addresses: return (Self.lookup, .nothing(timeToLive: Self.timeToLive))
        }
    }

    /// The way from a gateway to a member and back: each gateway has one member near, and the others at distances of its own.
    static func roundTrip(_ gateway: Int, _ member: Int) -> Duration {
        let isNear = gateway % FleetScenario.listed == member % FleetScenario.listed
        var generator = SeededGenerator(seed: UInt64(gateway * 2 * FleetScenario.listed + member))
        let draw = generator.next()
        return .microseconds(isNear ? 200 + Int(draw % 100) : 800 + Int(draw % 1_200))
    }

    /// What an attempt to connect comes to, and when; `nil` for never.
    func dial(from gateway: Int, to member: Int) -> (after: Duration, failure: DialFailure?)? {
        let roundTrip = Self.roundTrip(gateway, member)
        switch behaviours[member] {
        case .listening: return (roundTrip + extraTimes[member], nil)
        case .refusing: return (roundTrip, .refused)
        case .silent: return nil
        }
    }

    /// What a probe comes to, and when. Members speak HTTP without TLS.
    func probe(_ kind: ProbeKind, from gateway: Int, of member: Int) -> (after: Duration, outcome: ProbeOutcome) {
        let needed = Self.roundTrip(gateway, member) + Self.answerTime + extraTimes[member]
        switch behaviours[member] {
        case .listening where needed > Self.probePatience: return (Self.probePatience, .failed(.timedOut, .connected))
        case .listening: return (needed, Self.answer(to: kind))
        case .refusing: return (Self.roundTrip(gateway, member), .failed(.refused, .dialing))
        case .silent: return (Self.probePatience, .failed(.timedOut, .dialing))
        }
    }

    private static func answer(to kind: ProbeKind) -> ProbeOutcome {
        switch kind {
        case .tcp: .connected
        case .http: .http(.healthy)
        case .tls, .https: .unusable(.notTLS)
        }
    }
}
