import Foundation
import GatewayTesting
import Testing

/// What a gateway has used up while somebody tried to harm it.
struct Harm {
    private let pid: pid_t
    private let began = ContinuousClock.now
    private let memory: Int
    private let seconds: Double

    init(to gateway: GatewayProcess) throws {
        pid = gateway.process.pid
        (memory, seconds) = (try Self.kibibytes(of: pid), try Self.cpuSeconds(of: pid))
    }

    /// No more than so many MiB of memory, and no more than this share of one CPU.
    func expectBounded(mebibytes: Int, cpu share: Double, _ location: SourceLocation = #_sourceLocation) throws {
        let more = try Self.kibibytes(of: pid) - memory
        #expect(more < mebibytes * 1024, "memory has grown by \(more) KiB", sourceLocation: location)
        let used = try (Self.cpuSeconds(of: pid) - seconds) / max(1, (ContinuousClock.now - began) / .seconds(1))
        #expect(used < share, "it has used \(used) of a CPU", sourceLocation: location)
    }

    private static func kibibytes(of pid: pid_t) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        return try #require(line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
    }

    private static func cpuSeconds(of pid: pid_t) throws -> Double {
        let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = try #require(stat.split(separator: ")").last).split(separator: " ")
        let ticks = try #require(Double(fields[11])) + #require(Double(fields[12]))
        return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
