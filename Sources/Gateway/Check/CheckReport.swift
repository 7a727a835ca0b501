/// What `check` has found, and how to mend what is wrong.
public struct CheckReport: Equatable, Sendable {
    /// How a finding is to be taken.
    public enum Verdict: String, Sendable {
        /// As it should be.
        case fine = "ok"
        /// Good to know; nothing has to be done.
        case note
        /// Clients will suffer from it, now or when something else fails.
        case trouble = "WRONG"
    }

    /// One thing that was looked at.
    public struct Finding: Equatable, Sendable {
        /// How it is to be taken.
        public var verdict: Verdict
        /// What was seen, on one line.
        public var text: String
        /// How to mend it; `nil` where nothing has to be.
        public var advice: String?

        /// A finding.
        public init(_ verdict: Verdict, _ text: String, advice: String? = nil) {
            self.verdict = verdict
            self.text = text
            self.advice = advice
        }
    }

    /// All findings, in the order in which they were made.
    public var findings: [Finding] = []

    /// Nothing found yet.
    public init() {}

    /// Takes another finding in.
    public mutating func add(_ verdict: Verdict, _ text: String, advice: String? = nil) {
        findings.append(Finding(verdict, text, advice: advice))
    }

    /// Things that clients will suffer from.
    public var troubles: Int { findings.count { $0.verdict == .trouble } }

    /// 0 where all is well, else 1.
    public var exitCode: Int32 { troubles == 0 ? 0 : 1 }

    /// The lines, and a last one that says how many must be mended.
    public func lines(isColoured: Bool) -> [String] {
        let paint = Paint(isColoured: isColoured)
        let width = Verdict.trouble.rawValue.count
        let all = findings.flatMap { finding -> [String] in
            let word = finding.verdict.rawValue
            let blanks = String(repeating: " ", count: width - word.count)
            let first = paint(word, finding.verdict.colour) + blanks + "  " + printable(finding.text, atMost: 400)
            let indent = String(repeating: " ", count: width + 2)
            return [first] + (finding.advice.map { [indent + "-> " + printable($0, atMost: 400)] } ?? [])
        }
        let last =
            troubles == 0 ? "nothing is wrong" : troubles == 1 ? "1 thing is wrong" : "\(troubles) things are wrong"
        return all + [paint(last, troubles == 0 ? .good : .bad)]
    }
}

extension CheckReport.Verdict {
    fileprivate var colour: Colour {
        switch self {
        case .fine: .good
        case .note: .faint
        case .trouble: .bad
        }
    }
}
