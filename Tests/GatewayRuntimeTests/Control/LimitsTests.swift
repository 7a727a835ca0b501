import Glibc
import Testing

@testable import GatewayRuntime

struct LimitsTests {
    @Test(arguments: [
        (40, 16), (1_024, 922), (20_000, 19_872), (524_288, 524_160),
    ])
    func sessionsHaveAllButAReserve(limit: UInt64, share: UInt32) {
        #expect(Limits.descriptorsForSessions(of: limit) == share)
    }

    @Test func noLimitAtAllIsAsManyAsAnyoneNeeds() {
        #expect(Limits.descriptorsForSessions(of: .max) == 1 << 30)
    }

    @Test func everyAllowedLimitLeavesRoomForASessionAndAReserve() {
        for limit: UInt64 in 32...2_000 {
            let share = UInt64(Limits.descriptorsForSessions(of: limit))
            #expect(share >= 8 && limit - share >= 24, "limit \(limit)")
        }
    }

    @Test func adminServersClients_takeAtMostHalfOfTheReserve() {
        for limit: UInt64 in 32...2_000 {
            let reserve = limit - UInt64(Limits.descriptorsForSessions(of: limit))
            let clients = Limits.adminClients(of: limit)
            #expect(clients >= 6 && UInt64(2 * clients) <= reserve / 2 + 1, "limit \(limit)")
        }
        #expect(Limits.adminClients(of: 524_288) == Limits.adminClientsMax)
    }

    @Test func loopsAreAtMostFour() {
        #expect((1...4).contains(Limits.defaultLoops()))
    }

    @Test func softLimitIsRaisedToTheHardOne() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = 64
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let raised = try Limits.raiseDescriptors()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            guard raised == limit.rlim_max, limit.rlim_cur == limit.rlim_max else { exit(1) }
        }
    }

    @Test func tooFewDescriptorsAreRefused() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 20, rlim_max: 20)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            if (try? Limits.raiseDescriptors()) != nil { exit(1) }
        }
    }
}
