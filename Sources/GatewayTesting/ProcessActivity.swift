import Foundation

/// What a process does while nobody asks anything of it.
public enum ProcessActivity {
    /// The names of its threads.
    public static func threadNames(of pid: pid_t) throws -> [String] {
        let tasks = "/proc/\(pid)/task"
        return try FileManager.default.contentsOfDirectory(atPath: tasks).compactMap { task in
            // One that has ended meanwhile has no name any more.
            try? String(contentsOfFile: "\(tasks)/\(task)/comm", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }.sorted()
    }

    /// How often the threads of process `pid` that live now have gone to sleep, which is how often they were woken.
    public static func wakeUps(of pid: pid_t) throws -> Int {
        let tasks = "/proc/\(pid)/task"
        return try FileManager.default.contentsOfDirectory(atPath: tasks).reduce(0) { sum, task in
            let status = try String(contentsOfFile: "\(tasks)/\(task)/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }
            let count = line?.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) }
            guard let count else { throw TestingError("no count of switches in \(tasks)/\(task)/status") }
            return sum + count
        }
    }
}
