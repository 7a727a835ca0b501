import GatewayTesting

/// One kind of trouble, and what is to be seen beside it.
struct LoadStage {
    let name: String
    /// What it did, in figures, once it is over.
    var outcome = ""
    /// Of the well-behaved clients beside it.
    var p50: Double = 0
    var p99: Double = 0
    var answers: Double = 0
    /// At its height.
    var sessions: Double = 0
    var height: ProcessReading?
    /// Afterwards.
    var after: ProcessReading?
    var emptyAfter: Duration = .zero

    init(_ name: String) { self.name = name }

    /// The well-behaved: 32 connections that each ask for 1 KiB a hundred times a second.
    static let politeClients = 32
    static let politePause = 10

    static let head = """
        | what | figures | beside it: answers, p50, p99 (ms) | sessions | descriptors | memory (MiB) | afterwards: descriptors, memory | empty after |
        |---|---|---|---|---|---|---|---|
        """

    var row: String {
        let height = height.map { "\($0.descriptors) | \(mebibytes($0.ownKiB))" } ?? "| "
        let after = after.map { "\($0.descriptors), \(mebibytes($0.ownKiB))" } ?? ""
        return
            "| \(name) | \(outcome) | \(Int(answers)), \(milliseconds(p50)), \(milliseconds(p99)) | \(Int(sessions)) "
            + "| \(height) | \(after) | \(rounded(emptyAfter / .seconds(1))) s |"
    }

    private func milliseconds(_ microseconds: Double) -> String { rounded(microseconds / 1000) }

    private func mebibytes(_ kibibytes: Int) -> String { rounded(Double(kibibytes) / 1024) }

    private func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
}
