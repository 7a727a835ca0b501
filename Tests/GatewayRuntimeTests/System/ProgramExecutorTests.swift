import Glibc
import Testing

@testable import GatewayRuntime

@Suite struct ProgramExecutorTests {
    @Test func operation_returnsItsValue() {
        #expect(ProgramExecutor().run { 42 } == 42)
    }

    /// Children of the operation are run by the same thread: the one that waits for it.
    @Test func operationAndItsChildren_runOnTheCallersThread() {
        let caller = ThreadName.current
        let threads = ProgramExecutor().run {
            await withTaskGroup(of: UInt.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        await Task.yield()
                        return ThreadName.current
                    }
                }
                return await group.reduce(into: Set([ThreadName.current])) { $0.insert($1) }
            }
        }
        #expect(threads == [caller])
    }

    @Test func operationThatWaitsForAnActorElsewhere_comesBack() {
        actor Elsewhere {
            private var count = 0
            func add() -> Int {
                count += 1
                return count
            }
        }
        let elsewhere = Elsewhere()
        let last = ProgramExecutor().run {
            var last = 0
            for _ in 0..<1000 { last = await elsewhere.add() }
            return last
        }
        #expect(last == 1000)
    }
}

private enum ThreadName {
    static var current: UInt { UInt(pthread_self()) }
}
