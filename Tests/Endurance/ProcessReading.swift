import Foundation
import GatewayTesting

/// What the kernel says of a process at one moment.
struct ProcessReading {
    /// Resident memory in KiB: what is its own, and all of it.
    var ownKiB: Int
    var residentKiB: Int
    /// All of them, and those that are ends of pipes: a loop keeps some pipes at rest, once it has needed them.
    var descriptors: Int
    var pipeEnds: Int
    var threads: Int

    /// What must come back to what it was.
    var lastingDescriptors: Int { descriptors - pipeEnds }
    /// With `loops` loops: sixteen pipes each (POOL_MAX in CSplice), and what it says goes through two to us.
    static func pipeEndsAtRest(loops: Int) -> Int { 2 * 16 * loops + 2 }

    init(of pid: pid_t) throws {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        func figure(_ name: String) throws -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            guard let figure = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) else {
                throw TestingError("no \(name) in /proc/\(pid)/status: has it ended?")
            }
            return figure
        }
        ownKiB = try figure("RssAnon")
        residentKiB = try figure("VmRSS")
        threads = try figure("Threads")
        let folder = "/proc/\(pid)/fd"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        descriptors = names.count
        // One that was closed meanwhile has no destination any more.
        pipeEnds = names.count { name in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)"))?.hasPrefix("pipe:")
                ?? false
        }
    }

    /// CPU time in seconds that a process has used so far.
    static func cpuSeconds(of pid: pid_t) throws -> Double {
        let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
            throw TestingError("/proc/\(pid)/stat cannot be read")
        }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// How many descriptors process `pid` may have.
    static func descriptorLimit(of pid: pid_t) throws -> Int {
        let limits = try String(contentsOfFile: "/proc/\(pid)/limits", encoding: .utf8)
        let line = limits.split(separator: "\n").first { $0.hasPrefix("Max open files") }
        guard let limit = line?.split(separator: " ").compactMap({ Int($0) }).first else {
            throw TestingError("no limit of open files in /proc/\(pid)/limits")
        }
        return limit
    }
}
