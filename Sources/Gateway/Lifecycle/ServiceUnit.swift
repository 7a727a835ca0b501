/// The systemd unit in which a process runs.
public struct ServiceUnit: Hashable, Sendable {
    /// Its name: `etcd-gateway.service`.
    public var name: String

    private static let suffix = ".service"

    /// The unit that a process's /proc/PID/cgroup names (cgroups(7)); `nil` where that is no service.
    public init?(cgroups text: String) {
        // Of the unified hierarchy there is one line, which begins with 0::; systemd's own of the old kind has a name.
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("0::") || $0.contains(":name=systemd:") }
        let units = lines.compactMap { $0.split(separator: "/").last { $0.hasSuffix(Self.suffix) } }
        guard let unit = units.first, unit.allSatisfy(Self.isOfAName) else { return nil }
        name = String(unit)
    }

    /// The socket unit that belongs to it where nobody says otherwise: `etcd-gateway.socket`.
    public var socketName: String { name.dropLast(Self.suffix.count) + ".socket" }

    /// What a name is made of (systemd.unit(5)); in others a shell might see something else.
    private static func isOfAName(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || ":-_.\\@".contains(character))
    }
}
