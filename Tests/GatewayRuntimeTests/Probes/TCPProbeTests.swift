import Gateway
import GatewayTesting
import Glibc
import Testing

@testable import GatewayRuntime

struct TCPProbeTests {
    @Test func openPortSucceeds() async throws {
        let server = try NamingServer("a")
        try await withControlLoop { executor in
            let result = await executor.probe([server.address])
            #expect(result == .init(server.address))
        }
    }

    @Test func closedPortIsRefused() async throws {
        let port = try ClosedPort()
        try await withControlLoop { executor in
            let result = await executor.probe([port.address])
            #expect(result == .init(.refused))
        }
    }

    @Test func silentHostTimesOut_afterItsTime() async throws {
        let silent = try SilentServer()
        try await withControlLoop { executor in
            let start = ContinuousClock.now
            let result = await executor.probe([silent.address])
            #expect(result == .init(.timedOut))
            #expect(ContinuousClock.now - start >= TCPProbe.timeout)
        }
    }

    @Test func addressesAreTriedInOrder_untilOneWorks() async throws {
        let port = try ClosedPort()
        let (second, third) = (try NamingServer("b"), try NamingServer("c"))
        try await withControlLoop { executor in
            let result = await executor.probe([port.address, second.address, third.address])
            #expect(result == .init(second.address))
        }
        #expect(third.accepted == 0)
    }

    @Test func noAddressIsNoEvidence() async throws {
        try await withControlLoop { executor in
            let result = await executor.probe([])
            #expect(result == .init(.local))
        }
    }

    @Test func cancellationEndsAWait_longBeforeItsDeadline_andIsNoVerdict() async throws {
        let silent = try SilentServer()
        try await withControlLoop { executor in
            let start = ContinuousClock.now
            let task = Task { await Waiter(executor: executor).connect(to: silent.address, within: .seconds(120)) }
            task.cancel()
            #expect(await task.value == .local)
            #expect(ContinuousClock.now - start < .seconds(60))
        }
    }

    @Test func shortageOfDescriptorsIsNoEvidence_andTwoHundredProbesLeaveNone() async {
        await #expect(processExitsWith: .success) {
            let (server, closed) = (try NamingServer("a"), try ClosedPort())
            try await withControlLoop { executor in
                _ = await executor.probe([server.address])
                try await eventually("accepted") { server.accepted == 1 }
                let before = openDescriptors()
                for number in 1...100 {
                    guard await executor.probe([closed.address, server.address]) == .init(server.address),
                        await executor.probe([closed.address]) == .init(.refused)
                    else { exit(1) }
                    try await eventually("accepted") { server.accepted == number + 1 }
                }
                // The server keeps one of each connection; a few come and go with sleeping.
                try await eventually("closed") { openDescriptors() <= before + 100 + 10 }
                var limit = rlimit(rlim_cur: 3, rlim_max: 3)
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                guard await executor.probe([closed.address]) == .init(.local) else { exit(3) }
            }
        }
    }
}

/// What a probe of the weakest kind found: an address that answered, or why none did.
private struct Found: Equatable {
    var address: SocketAddress?
    var failure: DialFailure?

    init(_ address: SocketAddress) { self.address = address }
    init(_ failure: DialFailure) { self.failure = failure }
}

extension EventExecutor {
    fileprivate func probe(_ addresses: [SocketAddress]) async -> Found {
        let prober = Prober(executor: self, files: TLSFiles())
        let finding = await prober.probe(addresses, host: nil, kind: .tcp)
        await prober.stop()
        if let address = finding.address { return Found(address) }
        if case .failed(let failure, _) = finding.outcome { return Found(failure) }
        return Found(.local)
    }
}

/// Waits for one connection on the control loop, as probes do, for as long as a test wants.
private actor Waiter {
    private let executor: EventExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(executor: EventExecutor) {
        self.executor = executor
    }

    func connect(to address: Gateway.SocketAddress, within limit: Duration) async -> DialFailure? {
        do throws(DialFailure) {
            _ = try await ProbeSocket.connected(to: address, by: MonotonicClock.now() + limit, on: executor)
            return nil
        } catch {
            return error
        }
    }
}
