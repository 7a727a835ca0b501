/// A descriptor that this process was given: by a service manager (sd_listen_fds(3)), which also gives back what an earlier
/// process had it keep, or by the process that became this one.
public struct PassedDescriptor: Hashable, Sendable {
    /// Nobody else has it; whoever takes this value owns it.
    public var descriptor: Int32
    /// What it is called there.
    public var name: String
    /// Of a table or shelf: whether the service manager has it as well, and gives it to the next process whatever becomes of this
    /// one.
    public var isKept: Bool

    /// The first descriptor that a manager passes (systemd: SD_LISTEN_FDS_START).
    public static let firstDescriptor: Int32 = 3
    /// Listening sockets at most: the data plane has no more listeners (CSP_LISTENERS_MAX).
    public static let socketsAtMost = 32
    /// So many a service manager is asked at once whether it would keep; a process that dies then leaves them there.
    public static let askedForAtMost = 128
    /// Listeners, a table, two ends of each shelf (CSP_SHELVES_MAX), and what was asked for and never taken back.
    static let most = socketsAtMost + 1 + 2 * StoredName.shelvesAtMost + askedForAtMost
    /// The variable by which a process passes descriptors to itself: its number, then a word NUMBER=NAME for each.
    public static let handoverVariable = "_ETCD_GATEWAY_FDS"
    /// The variables by which they are passed.
    public static let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", handoverVariable]

    /// A descriptor under a name.
    public init(descriptor: Int32, name: String, isKept: Bool = true) {
        self.descriptor = descriptor
        self.name = name
        self.isKept = isKept
    }

    /// What it is in our own store; `nil` for what somebody else has opened.
    public var storedAs: StoredName? { StoredName(name) }

    /// What this environment names, if it is meant for this process, no descriptor twice. All of it, or why not.
    public static func all(
        in environment: [String: String], ownProcess: Int32, first: Int32 = firstDescriptor
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

    /// The words that stand beside those of descriptors; who does not know them passes them over. What was held open; the
    /// numbers of descriptors that the manager does not have.
    private static let (heldWord, ownWord) = ("held=", "own=")

    /// The value of ``handoverVariable`` that passes these to what this process becomes, and tells under which number
    /// descriptors of sessions stay open for it; 0: none do.
    public static func handover(_ passed: [PassedDescriptor], held: UInt64 = 0, ownProcess: Int32) -> String {
        let own = passed.filter { !$0.isKept }.map { String($0.descriptor) }
        let words = [String(ownProcess)] + passed.map { "\($0.descriptor)=\($0.name)" }
        let others =
            (held == 0 ? [] : [heldWord + String(held, radix: 16)])
            + (own.isEmpty ? [] : [ownWord + own.joined(separator: ",")])
        return (words + others).joined(separator: " ")
    }

    /// The number under which descriptors of sessions were left open for this process; 0: none were.
    static func held(in environment: [String: String], ownProcess: Int32) -> UInt64 {
        let words = (environment[handoverVariable] ?? "").split(separator: " ")
        guard words.first.flatMap({ Int32($0) }) == ownProcess else { return 0 }
        return words.last { $0.hasPrefix(heldWord) }.flatMap { UInt64($0.dropFirst(heldWord.count), radix: 16) } ?? 0
    }

    private static func handedOver(_ text: String, ownProcess: Int32) -> [PassedDescriptor] {
        let words = text.split(separator: " ")
        guard words.first.flatMap({ Int32($0) }) == ownProcess, words.count <= most + 3 else { return [] }
        let ownNumbers = words.last { $0.hasPrefix(ownWord) }?.dropFirst(ownWord.count) ?? ""
        let own = Set(ownNumbers.split(separator: ","))
        var seen: Set<Int32> = []
        return words.dropFirst().compactMap { word in
            let parts = word.split(separator: "=", maxSplits: 1)
            // What stands there twice would be closed twice; the standard streams are nobody's.
            guard parts.count == 2, let descriptor = Int32(parts[0]), descriptor >= firstDescriptor,
                seen.insert(descriptor).inserted
            else { return nil }
            return PassedDescriptor(descriptor: descriptor, name: String(parts[1]), isKept: !own.contains(parts[0]))
        }
    }
}

/// Passed sockets that cannot be used: the socket unit is wrong. The description is one line that says what would be right.
public enum ActivationError: Error, Hashable, CustomStringConvertible {
    /// `LISTEN_FDS` is no number, or too large.
    case count(String)
    /// `LISTEN_FDNAMES` has another number of names than there are sockets.
    case names(Int, sockets: Int)
    /// Something else was passed than a listening stream socket.
    case noListener(PassedDescriptor)

    /// One line.
    public var description: String {
        switch self {
        case .count(let text):
            "LISTEN_FDS: \(quoted(text)) cannot be used: a service manager passes 0 to \(PassedDescriptor.socketsAtMost) sockets"
        case .names(let names, let sockets):
            "LISTEN_FDNAMES: \(names) names for \(sockets) sockets; there must be one for each, joined by colons"
        case .noListener(let passed):
            "LISTEN_FDS: descriptor \(passed.descriptor) (\(printable(passed.name, atMost: 255))) is no listening stream socket; "
                + "in the socket unit, use ListenStream= and Accept=no"
        }
    }
}
