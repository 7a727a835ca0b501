extension Explanation {
    /// The lines of `explain`.
    public func lines(isColoured: Bool) -> [String] {
        guard !rows.isEmpty else { return ["no endpoint is known: the next client is held until one is"] }
        var table = Table(["ENDPOINT", "CHANCE", "WHY"])
        for row in rows {
            table.add([
                Table.Cell(row.endpoint), Table.Cell(row.chance.rawValue, row.chance.colour), Table.Cell(row.reason),
            ])
        }
        let held = heldClients == 0 ? "" : "; \(heldClients) clients are held now"
        return ["policy \(printable(policy))\(held)"] + table.lines(Paint(isColoured: isColoured))
    }
}

extension Explanation.Chance {
    fileprivate var colour: Colour? {
        switch self {
        case .next, .shared: .good
        case .standby: nil
        case .lastResort: .warning
        case .never: .bad
        }
    }
}
