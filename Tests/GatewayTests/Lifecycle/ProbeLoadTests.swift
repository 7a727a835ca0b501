import GatewayTesting
import Testing

@testable import Gateway

/// What members get to hear from gateways that look after them.
@Suite struct ProbeLoadTests {
    private static let members = 3

    /// One gateway of a fleet: started at its own time, with sessions that say nothing, all of whose probes are answered.
    private struct FleetGateway {
        private var driver: ControlDriver
        private let offset: Double

        init(seed: UInt64, policy: Policy) {
            var generator = SeededGenerator(seed: seed)
            offset = Double.random(in: 0..<10, using: &generator)
            driver = ControlDriver(
                addresses: members, healthCheck: .auto, policy: policy, healthInterval: .seconds(5), seed: seed)
        }

        /// Calls `body` with each probe's member and second, of the seconds 10 to 20.
        mutating func run(_ body: (_ member: Int, _ second: Int) -> Void) {
            driver.pass(offset)
            driver.start()
            let serving = driver.plan?.targets.prefix(driver.plan?.spread ?? 0).map(\.endpoint) ?? []
            for id in serving { driver.activity[id] = .init(sessions: 1, lastReceived: nil) }
            while let due = driver.machine.nextDeadline, due < .at(20) {
                driver.pass(Double((due - driver.now).wholeNanoseconds) / 1e9)
                for id in driver.probes {
                    let second = Int((driver.now - .zero).components.seconds)
                    if second >= 10 { body(Int(id.slot), second) }
                    driver.probeEnds(id, .http(.healthy), at: id.slot + 1)
                }
            }
        }
    }

    /// The budget is 2,000 a second and member for 10,000 gateways: here each gateway looks after all members.
    @Test(arguments: [(Policy.roundRobin, 2_000.0), (.pinned, 950.0)])
    func fleetOfTenThousand_asksAMemberAtMostThisOftenASecond(policy: Policy, budget: Double) async {
        let (machines, parts) = (10_000, 2)
        let counts = await withTaskGroup(of: [[Int]].self) { group in
            for part in 0..<parts {
                group.addTask {
                    var counts = Array(repeating: Array(repeating: 0, count: 10), count: Self.members)
                    for seed in stride(from: part, to: machines, by: parts) {
                        var gateway = FleetGateway(seed: UInt64(seed), policy: policy)
                        gateway.run { member, second in counts[member][second - 10] += 1 }
                    }
                    return counts
                }
            }
            return await group.reduce(into: Array(repeating: Array(repeating: 0, count: 10), count: Self.members)) {
                for member in 0..<Self.members { for second in 0..<10 { $0[member][second] += $1[member][second] } }
            }
        }
        for member in counts {
            let average = Double(member.reduce(0, +)) / 10
            #expect(average <= budget * 1.02, "\(policy): \(average)")
            #expect(average >= budget / 2, "\(policy): \(average) is no probing")
            #expect(member.allSatisfy { Double($0) <= budget * 1.2 }, "\(policy): jitter spreads them: \(member)")
        }
    }

    @Test func suspicionWithoutEnd_isOneProbeASecond() throws {
        var driver = ControlDriver(addresses: 2)
        driver.start()
        let id = try #require(driver.id(1))
        for _ in 0..<6_000 {
            driver.suspect(id)
            driver.pass(0.01)
            driver.probeWorks(1)
        }
        #expect((59...61).contains(driver.probeCount), "\(driver.probeCount)")
    }
}
