import CLinux
import Gateway
import GatewayTesting
import Glibc
import Synchronization
import Testing

@testable import GatewayRuntime

struct EventExecutorTests {
    @Test func timersCallInTheOrderOfTheirTime_whateverTheOrderOfScheduling() async throws {
        try await withControlLoop { executor in
            let calls = Recorder<Int>()
            try await executor.perform {
                let now = MonotonicClock.now()
                for wait in [30, 10, 50, 20, 40] {
                    executor.schedule(at: now + .milliseconds(wait)) { calls.add(wait) }
                }
            }
            try await eventually("five calls") { calls.count == 5 }
            #expect(calls.all == [10, 20, 30, 40, 50])
        }
    }

    @Test func timerDoesNotCallBeforeItsTime() async throws {
        try await withControlLoop { executor in
            let late = Recorder<Duration>()
            try await executor.perform {
                for wait in 1...20 {
                    let due = MonotonicClock.now() + .milliseconds(wait)
                    executor.schedule(at: due) { late.add(MonotonicClock.now() - due) }
                }
            }
            try await eventually("twenty calls") { late.count == 20 }
            #expect(late.all.allSatisfy { $0 >= .zero })
        }
    }

    @Test func cancelledTimerNeverCalls_evenWhenItIsDueTogetherWithTheOneThatCancels() async throws {
        try await withControlLoop { executor in
            let calls = Recorder<String>()
            try await executor.perform {
                let past = MonotonicClock.now()
                let box = LoopBox<EventExecutor.TimerID?>(nil)
                executor.schedule(at: past) {
                    calls.add("first")
                    if let other = box.value { executor.cancel(other) }
                }
                box.value = executor.schedule(at: past + .nanoseconds(1)) { calls.add("cancelled") }
                executor.schedule(at: past + .nanoseconds(2)) { calls.add("last") }
            }
            try await eventually("the last call") { calls.all.contains("last") }
            #expect(calls.all == ["first", "last"])
        }
    }

    @Test func timerThatAlwaysSchedulesForThePast_doesNotStarveOthers() async throws {
        try await withControlLoop { executor in
            let stop = LoopBox(false)
            @Sendable func again() {
                guard !stop.value else { return }
                executor.schedule(at: Instant.zero) { again() }
            }
            try await executor.perform { again() }
            try await executor.perform { stop.value = true }  // is reached
        }
    }

    @Test func jobsThatKeepEachOtherGoing_doNotStarveTimers() async throws {
        try await withControlLoop { executor in
            let isDone = Atomic<Bool>(false)
            @Sendable func again() {
                if !isDone.load(ordering: .relaxed) { executor.post { again() } }
            }
            executor.post { again() }
            executor.post {
                executor.schedule(at: MonotonicClock.now() + .milliseconds(5)) {
                    isDone.store(true, ordering: .relaxed)
                }
            }
            try await eventually("the timer") { isDone.load(ordering: .relaxed) }
        }
    }

    @Test func callsOfManyThreads_areAllMadeAndInTheOrderOfEachThread() async throws {
        let calls = LoopBox<[[Int]]>(Array(repeating: [], count: 8))
        try await withControlLoop { executor in
            let threads = try (0..<8).map { thread in
                try SystemThread(name: "poster") {
                    for number in 0..<2_000 { executor.post { calls.value[thread].append(number) } }
                }
            }
            for thread in threads { thread.join() }
        }
        // What was posted before the end is done when the loop has ended.
        #expect(calls.value.allSatisfy { $0 == Array(0..<2_000) })
    }

    @Test func jobsOfAnActor_runOnTheLoop_oneAtATime() async throws {
        actor Counter {
            let executor: EventExecutor
            var count = 0
            nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
            init(_ executor: EventExecutor) { self.executor = executor }
            func add() async {
                executor.checkIsolated()
                count += 1
                await Task.yield()
                executor.checkIsolated()
            }
        }
        try await withControlLoop { executor in
            let counter = Counter(executor)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<1_000 { group.addTask { await counter.add() } }
            }
            #expect(await counter.count == 1_000)
        }
    }

    @Test func stop_endsTheLoopAfterWhatIsQueued_andWhatThatQueues() async throws {
        let calls = Recorder<Int>()
        let executor = try EventExecutor()
        executor.post {
            calls.add(1)
            executor.post { calls.add(2) }
        }
        executor.stop()
        let thread = try SystemThread(name: "control") { executor.run() }
        thread.join()
        #expect(calls.all == [1, 2])
        executor.post { calls.add(3) }
        #expect(calls.all == [1, 2])
    }

    @Test func descriptorIsCalledWhileItIsWatched_andNotAfter() async throws {
        try await withControlLoop { executor in
            let ends = try PipePair()
            let calls = Recorder<UInt32>()
            try await executor.perform {
                try executor.watch(ends.reading, EPOLLIN.rawValue) { readiness in
                    calls.add(readiness)
                    ends.drain()
                }
            }
            ends.fill()
            try await eventually("a call") { calls.count == 1 }
            ends.fill()
            try await eventually("another call") { calls.count == 2 }
            try await executor.perform {
                executor.unwatch(ends.reading)
                ends.fill()
            }
            for _ in 0..<3 { try await executor.perform {} }  // turns in which it would be called
            #expect(calls.all == [EPOLLIN.rawValue, EPOLLIN.rawValue])
        }
    }

    @Test func descriptorClosedAndReusedWhileItsEventIsPending_doesNotCallTheNewWatch() async throws {
        try await withControlLoop { executor in
            let pipes = [try PipePair(), try PipePair()]
            let fresh = try PipePair()
            let calls = Recorder<String>()
            try await executor.perform {
                for (index, pipe) in pipes.enumerated() {
                    let other = pipes[1 - index].reading
                    try executor.watch(pipe.reading, EPOLLIN.rawValue) { _ in
                        calls.add("old")
                        executor.unwatch(pipe.reading)
                        // The other one's event is in the same batch; its number now means an empty pipe.
                        executor.unwatch(other)
                        dup2(fresh.reading, other)
                        try? executor.watch(other, EPOLLIN.rawValue) { _ in calls.add("new") }
                    }
                }
                for pipe in pipes { pipe.fill() }
            }
            try await eventually("the first call") { calls.count > 0 }
            for _ in 0..<3 { try await executor.perform {} }
            #expect(calls.all == ["old"])
            try await executor.perform { for pipe in pipes { executor.unwatch(pipe.reading) } }
        }
    }

    @Test func idleLoopDoesNotWakeUp_withAResolverAndWithCancelledTimers() async throws {
        try await withControlLoop { executor in
            let resolver = Resolver(executor: executor, servers: [SocketAddress(testing: "127.0.0.1:9")])
            try await resolver.open()
            try await resolver.watchFiles {}
            let thread = try await executor.perform {
                for wait in 1...10 {
                    let id = executor.schedule(at: MonotonicClock.now() + .milliseconds(wait * 150)) {}
                    executor.cancel(id)
                }
                return ownThreadNumber()
            }
            let before = try await settledSwitches(of: thread)
            try await Task.sleep(for: .seconds(2))  // this is the measurement
            #expect(try switches(of: thread) == before)
            await resolver.close()
        }
    }

    /// The count when it has stopped to change: the thread needs a moment to fall asleep after the last job.
    private func settledSwitches(of thread: String) async throws -> Int {
        var last = -1
        try await eventually("a thread at rest", every: .milliseconds(50)) {
            defer { last = (try? switches(of: thread)) ?? -1 }
            return try switches(of: thread) == last
        }
        return last
    }

    private func switches(of thread: String) throws -> Int {
        let status = SystemFile.read("/proc/self/task/\(thread)/status") ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }
        return try #require(line?.split(separator: "\t").last.flatMap { Int($0) })
    }
}

/// The calling thread's number, as /proc has it.
private func ownThreadNumber() -> String {
    var buffer = [CChar](repeating: 0, count: 64)
    let count = readlink("/proc/thread-self", &buffer, buffer.count)
    let path = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.split(separator: "/").last.map(String.init) ?? ""
}

/// A pipe that does not block.
final class PipePair: Sendable {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw TestingError("pipe: errno \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        close(reading)
        close(writing)
    }

    func fill() {
        _ = write(writing, "x", 1)
    }

    func drain() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(reading, &bytes, bytes.count) > 0 {}
    }
}
