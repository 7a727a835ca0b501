import Glibc
import Synchronization
import Testing

@testable import GatewayRuntime

@Suite struct TurnoverTests {
    private static let stops = [SIGTERM, SIGINT]

    @Test func handOver_whenLeaving_doesNotBegin() async {
        let turnover = Turnover()
        await turnover.beginLeaving()
        #expect(!turnover.beginHandOver())
    }

    @Test func leaving_whenHandOverIsUnderWay_waitsForItsEnd() async {
        let turnover = Turnover()
        #expect(turnover.beginHandOver())
        let hasFailed = Atomic(false)
        async let leaving: Void = turnover.beginLeaving()
        // It may not have begun to wait yet; then the end comes first, which is another right order.
        await Task.yield()
        hasFailed.store(true, ordering: .relaxed)
        turnover.endHandOver()
        await leaving
        #expect(hasFailed.load(ordering: .relaxed) && !turnover.beginHandOver())
    }

    @Test func stop_beforeTheLastStep_preventsIt() {
        let turnover = Turnover()
        #expect(turnover.beginHandOver() && turnover.take({ SIGTERM }, stops: Self.stops) == SIGTERM)
        let error = turnover.unlessStopped {
            Issue.record("told to stop, and became another program")
            return SystemError(ENOENT, "become")
        }
        #expect(error.number == ECANCELED)
    }

    @Test func reload_beforeTheLastStep_doesNotPreventIt() {
        let turnover = Turnover()
        #expect(turnover.take({ SIGHUP }, stops: Self.stops) == SIGHUP)
        #expect(turnover.take({ nil }, stops: Self.stops) == nil)
        #expect(turnover.unlessStopped { SystemError(ENOENT, "become") }.number == ENOENT)
    }

    /// A thread that has taken one dies with it when another one executes a program.
    @Test func stop_duringTheLastStep_isNotTaken() throws {
        let turnover = Turnover()
        let isTaken = Atomic(false)
        var thread: SystemThread?
        let error = turnover.unlessStopped {
            thread = try? SystemThread(name: "signals") { [turnover] in
                _ = turnover.take(
                    {
                        isTaken.store(true, ordering: .releasing)
                        return SIGTERM
                    }, stops: Self.stops)
            }
            usleep(50_000)  // long enough for it to come here, were it not kept out
            let wasTaken = isTaken.load(ordering: .acquiring)
            #expect(!wasTaken)
            return SystemError(ENOENT, "become")
        }
        #expect(error.number == ENOENT)
        try #require(thread).join()
        let wasTaken = isTaken.load(ordering: .acquiring)
        #expect(wasTaken)
        #expect(turnover.unlessStopped { SystemError(ENOENT, "become") }.number == ECANCELED)
    }
}
