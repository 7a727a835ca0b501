internal import Glibc

/// A descriptor that this process was given: by a service manager (sd_listen_fds(3)), which also gives back what an earlier
/// process had it keep, or by the process that became this one.
struct PassedDescriptor: Hashable, Sendable {
    /// Nobody else has it; whoever takes this value owns it.
    var descriptor: Int32
    /// What it is called there.
    var name: String

    /// The first descriptor that a manager passes (systemd: SD_LISTEN_FDS_START).
    static let firstDescriptor: Int32 = 3
    /// Listeners, a table, and two ends of each shelf (CSP_SHELVES_MAX).
    static let most = ActivatedSocket.most + 1 + 2 * StoredName.shelvesAtMost
    /// The variable by which a process passes descriptors to itself: its number, then a word NUMBER=NAME for each.
    static let handoverVariable = "_ETCD_GATEWAY_FDS"
    /// The variables by which they are passed.
    static let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", handoverVariable]

    /// What it is in our own store; `nil` for what somebody else has opened.
    var storedAs: StoredName? { StoredName(name) }

    /// What this environment names, if it is meant for this process. All of it, or why not.
    static func all(
        in environment: [String: String], ownProcess: Int32 = getpid(), first: Int32 = firstDescriptor
    ) throws(ActivationError) -> [PassedDescriptor] {
        if let text = environment[handoverVariable] { return handedOver(text, ownProcess: ownProcess) }
        guard let process = environment["LISTEN_PID"], process == String(ownProcess) else { return [] }
        let text = environment["LISTEN_FDS"] ?? ""
        guard let count = Int(text), (0...most).contains(count) else { throw .count(text) }
        let names = environment["LISTEN_FDNAMES"].map {
            $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        if let names, names.count != count, count > 0 { throw .names(names.count, sockets: count) }
        // Without names systemd's own library says "unknown".
        return (0..<count).map {
            PassedDescriptor(descriptor: first + Int32($0), name: names?[$0] ?? "unknown")
        }
    }

    /// The word that tells what was held open, beside those of descriptors; who does not know it passes it over.
    private static let heldWord = "held="

    /// The value of ``handoverVariable`` that passes these to what this process becomes, and tells under which number
    /// descriptors of sessions stay open for it; 0: none do.
    static func handover(_ passed: [PassedDescriptor], held: UInt64 = 0, ownProcess: Int32 = getpid()) -> String {
        let words = [String(ownProcess)] + passed.map { "\($0.descriptor)=\($0.name)" }
        return (words + (held == 0 ? [] : [heldWord + String(held, radix: 16)])).joined(separator: " ")
    }

    /// The number under which descriptors of sessions were left open for this process; 0: none were.
    static func held(in environment: [String: String], ownProcess: Int32 = getpid()) -> UInt64 {
        let words = (environment[handoverVariable] ?? "").split(separator: " ")
        guard words.first.flatMap({ Int32($0) }) == ownProcess else { return 0 }
        return words.last { $0.hasPrefix(heldWord) }.flatMap { UInt64($0.dropFirst(heldWord.count), radix: 16) } ?? 0
    }

    private static func handedOver(_ text: String, ownProcess: Int32) -> [PassedDescriptor] {
        let words = text.split(separator: " ")
        guard words.first.flatMap({ Int32($0) }) == ownProcess, words.count <= most + 2 else { return [] }
        return words.dropFirst().compactMap { word in
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let descriptor = Int32(parts[0]), descriptor > STDERR_FILENO else { return nil }
            return PassedDescriptor(descriptor: descriptor, name: String(parts[1]))
        }
    }
}

/// What a descriptor of our own is in the store.
enum StoredName: Hashable, Sendable {
    case table
    /// One end of the shelf with this number; the other end has the same name.
    case shelf(Int)
    /// A listener that we have opened ourselves.
    case listener

    /// As many as a store has (CSP_SHELVES_MAX).
    static let shelvesAtMost = 1024

    private static let prefix = "store."

    /// What the manager calls it.
    var text: String {
        switch self {
        case .table: Self.prefix + "table"
        case .shelf(let number): Self.prefix + "shelf.\(number)"
        case .listener: Self.prefix + "listener"
        }
    }

    /// `nil` for a name that is none of ours.
    init?(_ text: String) {
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
