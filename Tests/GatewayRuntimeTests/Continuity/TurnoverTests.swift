import Glibc
import Synchronization
import Testing

@testable import GatewayRuntime

@Suite struct TurnoverTests {
    /// Ignored where nobody waits for it, so that it may be raised here.
    private static let signal = SIGURG

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
        #expect(turnover.beginHandOver() && turnover.stopCame(by: Self.signal))
        let error = turnover.unlessStopped {
            Issue.record("told to stop, and became another program")
            return SystemError(ENOENT, "become")
        }
        #expect(error.number == ECANCELED)
    }

    @Test func stop_duringTheLastStep_comesAgain() throws {
        let turnover = Turnover()
        let wasTaken = Mutex<Bool?>(nil)
        var thread: SystemThread?
        let error = turnover.unlessStopped {
            thread = try? SystemThread(name: "signals") { [turnover] in
                let taken = turnover.stopCame(by: Self.signal)
                wasTaken.withLock { $0 = taken }
            }
            return SystemError(ENOENT, "become")
        }
        #expect(error.number == ENOENT)
        try #require(thread).join()
        // Whichever came first: it is either heard now, or raised anew.
        if wasTaken.withLock({ $0 }) == false { #expect(turnover.stopCame(by: Self.signal)) }
        #expect(turnover.unlessStopped { SystemError(ENOENT, "become") }.number == ECANCELED)
    }
}
