import Foundation
import GatewayTesting

/// What the kernel tells in /proc of a program and its children: they share a process group, as every `ChildProcess`
/// leads one.
struct ProcessGroup: Sendable {
    /// The leader's number, which is the group's.
    let leader: pid_t

    /// CPU seconds that its processes have used so far, in ticks of 10 ms.
    func cpuSeconds() throws -> Double {
        try members().reduce(0) { sum, pid in
            guard let fields = Self.fields(pid), fields.count > 12, let user = Double(fields[11]),
                let system = Double(fields[12])
            else { return sum }
            return sum + (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
    }

    /// Bytes resident, and of them those that no file backs.
    func memory() throws -> (resident: Double, anonymous: Double) {
        try members().reduce((0, 0)) { sum, pid in
            guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return sum }
            return (
                sum.0 + Self.number("VmRSS:", in: status) * 1024,
                sum.1 + Self.number("RssAnon:", in: status) * 1024
            )
        }
    }

    /// Open descriptors.
    func descriptors() throws -> Int {
        try members().reduce(0) { sum, pid in
            sum + ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0)
        }
    }

    /// How often each of its threads was woken so far, by the thread's number.
    func wakeUps() throws -> [pid_t: Int] {
        var counts: [pid_t: Int] = [:]
        for pid in try members() {
            for task in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? [] {
                let status = (try? String(contentsOfFile: "/proc/\(pid)/task/\(task)/status", encoding: .utf8)) ?? ""
                if let thread = pid_t(task) {
                    counts[thread] = Int(Self.number("voluntary_ctxt_switches:", in: status))
                }
            }
        }
        return counts
    }

    private func members() throws -> [pid_t] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { pid in
            guard let fields = Self.fields(pid), fields.count > 2 else { return false }
            return pid_t(fields[2]) == leader
        }
    }

    /// The fields of /proc/PID/stat behind the name, which may hold spaces: state, parent, group, …
    private static func fields(_ pid: pid_t) -> [Substring]? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let name = text.lastIndex(of: ")")
        else { return nil }
        return text[text.index(after: name)...].split(separator: " ")
    }

    private static func number(_ key: String, in status: String) -> Double {
        let line = status.split(separator: "\n").first { $0.hasPrefix(key) }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) } ?? 0
    }
}
