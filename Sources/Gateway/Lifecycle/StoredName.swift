/// What a descriptor of our own is in the store.
public enum StoredName: Hashable, Sendable {
    /// The table of sessions.
    case table
    /// One end of the shelf with this number; the other end has the same name.
    case shelf(Int)
    /// A listener that we have opened ourselves.
    case listener

    /// As many as a store has (CSP_SHELVES_MAX).
    public static let shelvesAtMost = 1024

    private static let prefix = "store."

    /// What the manager calls it.
    public var text: String {
        switch self {
        case .table: Self.prefix + "table"
        case .shelf(let number): Self.prefix + "shelf.\(number)"
        case .listener: Self.prefix + "listener"
        }
    }

    /// `nil` for a name that is none of ours.
    public init?(_ text: String) {
        guard text.hasPrefix(Self.prefix) else { return nil }
        switch text.dropFirst(Self.prefix.count).split(separator: ".", maxSplits: 1).map(String.init) {
        case ["table"]: self = .table
        case ["listener"]: self = .listener
        case let words where words.count == 2 && words[0] == "shelf":
            guard let number = Int(words[1]), (0..<Self.shelvesAtMost).contains(number) else { return nil }
            self = .shelf(number)
        default: return nil
        }
    }
}
