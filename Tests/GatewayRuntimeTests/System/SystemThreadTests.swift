import Foundation
import GatewayTesting
import Synchronization
import Testing

@testable import GatewayRuntime

/// What a thread leaves behind.
struct SystemThreadTests {
    /// Address space of this process in KiB.
    private static func size() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmSize:") }
        return try #require(line?.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }

    // In a process of its own: other tests have threads as well.
    @Test(.enabled(if: getenv("SANITIZED") == nil, "a sanitizer takes address space of its own"))
    func threadsThatNobodyWaitsFor_giveTheirStacksBack() async {
        await #expect(processExitsWith: .success) {
            let ended = SystemThreadCounter()
            for number in 1...300 {
                try SystemThread(name: "short") { ended.add() }.detach()
                try await eventually("it has run", every: .milliseconds(1)) { ended.count == number }
            }
            // 300 stacks of 8 MiB would be 2.4 GiB; the C library keeps 40 MiB of them for the next ones.
            let before = try Self.size()
            for number in 301...600 {
                try SystemThread(name: "short") { ended.add() }.detach()
                try await eventually("it has run", every: .milliseconds(1)) { ended.count == number }
            }
            let more = try Self.size() - before
            guard more < 500_000 else { exit(1) }
        }
    }
}

/// Counts threads that have run.
private final class SystemThreadCounter: Sendable {
    private let value = Mutex(0)
    var count: Int { value.withLock { $0 } }
    func add() { value.withLock { $0 += 1 } }
}
