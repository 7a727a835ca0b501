/// One address of one target of a dial plan, by their places there.
struct Trial: Hashable {
    var target: Int
    var address: Int
}

/// Which addresses of a plan one client has tried. The first addresses of up to 64 targets, which is all that most
/// clients ever need, are kept without an allocation.
struct TrialSet: Equatable {
    private var firstAddresses: UInt64 = 0
    private var others: Set<Trial> = []

    /// Whether nothing was tried.
    var isEmpty: Bool { firstAddresses == 0 && others.isEmpty }

    func contains(_ trial: Trial) -> Bool {
        if let bit = Self.bit(of: trial) { firstAddresses & bit != 0 } else { others.contains(trial) }
    }

    mutating func insert(_ trial: Trial) {
        if let bit = Self.bit(of: trial) { firstAddresses |= bit } else { others.insert(trial) }
    }

    mutating func subtract(_ other: TrialSet) {
        firstAddresses &= ~other.firstAddresses
        if !others.isEmpty { others.subtract(other.others) }
    }

    private static func bit(of trial: Trial) -> UInt64? {
        trial.address == 0 && trial.target < UInt64.bitWidth ? 1 << UInt64(trial.target) : nil
    }
}
