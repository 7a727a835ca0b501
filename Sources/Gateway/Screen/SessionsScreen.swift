extension SessionList {
    /// The lines of `sessions`.
    public func lines(isColoured: Bool) -> [String] {
        guard !sessions.isEmpty else { return ["no session"] }
        var table = Table(["CLIENT", "ENDPOINT", "STATE", " AGE", " IDLE", " UP", " DOWN"])
        for session in sessions {
            table.add([
                Table.Cell(session.client), Table.Cell(session.endpoint.isEmpty ? "-" : session.endpoint),
                Table.Cell(session.state.rawValue), Table.Cell(Figures.duration(session.age)),
                Table.Cell(session.idle.map(Figures.duration) ?? "-"), Table.Cell(Figures.bytes(session.bytesUp)),
                Table.Cell(Figures.bytes(session.bytesDown)),
            ])
        }
        let rest = total > sessions.count ? ["and \(total - sessions.count) more"] : []
        return table.lines(Paint(isColoured: isColoured)) + rest
    }
}
