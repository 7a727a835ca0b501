import Gateway
import GatewayTesting
import Glibc
import Testing

@testable import GatewayRuntime

struct TCPProbeTests {
    @Test func openPortSucceeds() async throws {
        let server = try NamingServer("a")
        try await withControlLoop { executor in
            let result = try await TCPProbe(executor: executor).run([server.address])
            #expect(result == .succeeded(server.address))
        }
    }

    @Test func closedPortIsRefused() async throws {
        let port = try ClosedPort()
        try await withControlLoop { executor in
            let result = try await TCPProbe(executor: executor).run([port.address])
            #expect(result == .failed(.refused))
        }
    }

    @Test func silentHostTimesOut_afterItsTimeAndNotLongAfter() async throws {
        let silent = try SilentServer()
        try await withControlLoop { executor in
            let start = ContinuousClock.now
            let result = try await TCPProbe(executor: executor).run([silent.address])
            #expect(result == .failed(.timedOut))
            let elapsed = ContinuousClock.now - start
            #expect(elapsed >= TCPProbe.timeout && elapsed < TCPProbe.timeout + .seconds(5))
        }
    }

    @Test func addressesAreTriedInOrder_untilOneWorks() async throws {
        let port = try ClosedPort()
        let (second, third) = (try NamingServer("b"), try NamingServer("c"))
        try await withControlLoop { executor in
            let result = try await TCPProbe(executor: executor).run([port.address, second.address, third.address])
            #expect(result == .succeeded(second.address))
        }
        #expect(third.accepted == 0)
    }

    @Test func noAddressIsUnreachable() async throws {
        try await withControlLoop { executor in
            let result = try await TCPProbe(executor: executor).run([])
            #expect(result == .failed(.unreachable))
        }
    }

    @Test func cancellationEndsItAtOnce_andIsNoVerdict() async throws {
        let silent = try SilentServer()
        try await withControlLoop { executor in
            let probe = TCPProbe(executor: executor)
            let task = Task { try await probe.run(Array(repeating: silent.address, count: 16)) }
            try await eventually("the probe waits", every: .milliseconds(1)) { await probe.underWay == 1 }
            let start = ContinuousClock.now
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(await probe.underWay == 0)
        }
    }

    @Test func shortageOfDescriptorsIsNoEvidence_andTwoHundredProbesLeaveNone() async {
        await #expect(processExitsWith: .success) {
            let (server, closed) = (try NamingServer("a"), try ClosedPort())
            try await withControlLoop { executor in
                let probe = TCPProbe(executor: executor)
                _ = try await probe.run([server.address])
                try await eventually("accepted") { server.accepted == 1 }
                let before = openDescriptors()
                for number in 1...100 {
                    guard try await probe.run([closed.address, server.address]) == .succeeded(server.address),
                        try await probe.run([closed.address]) == .failed(.refused)
                    else { exit(1) }
                    try await eventually("accepted") { server.accepted == number + 1 }
                }
                // The server keeps one of each connection; a few come and go with sleeping.
                try await eventually("closed") { openDescriptors() <= before + 100 + 10 }
                var limit = rlimit(rlim_cur: 3, rlim_max: 3)
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                guard try await probe.run([closed.address]) == .failed(.local) else { exit(3) }
            }
        }
    }
}
