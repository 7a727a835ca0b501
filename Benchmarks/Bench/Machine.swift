import Foundation

/// Where it was measured.
struct Machine: Codable {
    var processor: String
    var processors: String
    var kernel: String
    var congestionControl: String

    static func here(_ processors: Processors) -> Machine {
        let cpu = text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
        return Machine(
            processor: cpu?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown",
            processors: processors.words,
            kernel: text("/proc/sys/kernel/osrelease"),
            congestionControl: text("/proc/sys/net/ipv4/tcp_congestion_control"))
    }

    private static func text(_ path: String) -> String {
        ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "unknown")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
