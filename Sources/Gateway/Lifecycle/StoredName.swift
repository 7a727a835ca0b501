/// What a descriptor of our own is in the store.
public enum StoredName: Hashable, Sendable {
    /// The table of sessions.
    case table
    /// One end of the shelf with this number; the other end has the same name.
    case shelf(Int)
    /// A listener that we have opened ourselves.
    case listener
    /// Something of ours for which nobody has a use any more: a question to the manager that was never taken back, or what
    /// only another version knows.
    case other(String)

    /// As many as a store has (CSP_SHELVES_MAX).
    public static let shelvesAtMost = 1024

    private static let prefix = "store."

    /// What the manager calls it.
    public var text: String {
        switch self {
        case .table: Self.prefix + "table"
        case .shelf(let number): Self.prefix + "shelf.\(number)"
        case .listener: Self.prefix + "listener"
        case .other(let rest): Self.prefix + rest
        }
    }

    /// `nil` for a name that is none of ours.
    public init?(_ text: String) {
        guard text.hasPrefix(Self.prefix) else { return nil }
        let rest = String(text.dropFirst(Self.prefix.count))
        switch rest.split(separator: ".", maxSplits: 1).map(String.init) {
        case ["table"]: self = .table
        case ["listener"]: self = .listener
        case let words where words.count == 2 && words[0] == "shelf":
            let number = Int(words[1]).flatMap { (0..<Self.shelvesAtMost).contains($0) ? $0 : nil }
            self = number.map { .shelf($0) } ?? .other(rest)
        default: self = .other(rest)
        }
    }
}
