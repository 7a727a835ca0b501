import Foundation
import GatewayTesting

/// `load keep`: sessions that ask, compare every byte, and tell of each that ended.
@MainActor
final class KeptSessions {
    private let process: ChildProcess
    private let excuses: Excuses
    private var linesSeen = 0
    private var excused: [String: Int] = [:]
    private var unexcused: [String] = []
    /// Ends of which the gateway may still say why.
    private var pending: [(line: String, end: Excuses.End)] = []

    private(set) var requests = 0
    private var bytes = 0
    private var unhappy = 0
    private var closed = 0
    private var opened: Int { closed + excused.values.reduce(0, +) }

    init(_ address: String, _ count: Int, seed: UInt64, excuses: Excuses) throws {
        process = try LoadProgram.start(["keep", address, "\(count)", "\(seed % 1_000_000)"])
        self.excuses = excuses
    }

    /// Reads what was told since.
    func look() {
        let lines = process.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        for line in lines.dropFirst(linesSeen) { take(String(line)) }
        linesSeen = lines.count
        if !process.isRunning && process.exitStatus != .code(0) {
            unexcused.append("load keep ended: \(process.errors)")
        }
        judge()
    }

    private func take(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        let figures = words.dropFirst().compactMap { UInt64($0) }
        switch words.first {
        case "tally" where figures.count == 6:
            (requests, bytes, unhappy, closed) = (Int(figures[2]), Int(figures[3]), Int(figures[4]), Int(figures[5]))
        case "ended" where figures.count >= 3:
            pending.append(
                (line, Excuses.End(at: figures[0], ageNanoseconds: figures[1] * 1_000_000, member: figures[2])))
        default:
            excuses.journal.note("\(line): BROKEN")
            unexcused.append(line)
        }
    }

    /// An end is judged ten seconds later: by then the gateway has logged what it believes of the member.
    private func judge(all: Bool = false) {
        let due = Excuses.now - 10_000_000_000
        for (line, end) in pending where all || end.at < due {
            let excuse = excuses.excuse(for: end)
            excuses.journal.note("\(line): \(excuse ?? "BROKEN")")
            if let excuse {
                excused[excuse, default: 0] += 1
            } else {
                unexcused.append(line)
            }
        }
        pending.removeAll { all || $0.end.at < due }
    }

    /// What nothing excuses, each once.
    func takeUnexcused() -> [String] {
        defer { unexcused = [] }
        return unexcused
    }

    /// Lets each finish its request and close.
    func stop() async throws {
        process.send(SIGTERM)
        _ = try await process.waitForExit(within: .seconds(120))
        look()
        judge(all: true)
    }

    var summary: String {
        let reasons = excused.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        return "\(requests) requests, \(bytes / 1_000_000) MB compared, \(closed) sessions closed by us, "
            + "ended with their member or the program: \(reasons.isEmpty ? "none" : reasons); "
            + "\(unhappy) answers that etcd could not serve"
    }
}
