import Glibc

/// When a session may end, and why: its member was killed, frozen or left out of the zone, or the gateway was killed before
/// the session was old enough to be stored. Whatever else ends a session is our fault.
@MainActor
final class Excuses {
    /// Nanoseconds of CLOCK_MONOTONIC, as `load keep` tells them.
    typealias Moment = UInt64

    private struct Excuse {
        let name: String
        /// Which member's sessions; all of them where it is nil.
        let member: UInt64?
        let from: Moment
        var until: Moment
    }

    /// What `load keep` says of an end.
    struct End {
        let at: Moment
        let ageNanoseconds: UInt64
        let member: UInt64
    }

    private static let second: UInt64 = 1_000_000_000
    /// A session is stored when it is a second old; a machine that has other work to do is late with that.
    private static let youth = 3 * second
    /// How long a dead process may be gone before its sessions hear of it.
    private static let revival = 20 * second

    let journal: Journal
    static let leftOut = "left out of the zone"
    private var excuses: [Excuse] = []
    private var kills: [Moment] = []

    init(_ journal: Journal) { self.journal = journal }

    static var now: Moment {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * second + UInt64(now.tv_nsec)
    }

    /// Something begins that ends sessions of a member; returns what is to be given to ``end(_:after:)``.
    func begin(_ name: String, member: UInt64) -> Int {
        journal.note("begins: \(name) \(member)")
        excuses.append(Excuse(name: name, member: member, from: Self.now, until: .max))
        return excuses.count - 1
    }

    /// It is over, but for what takes a while to come through.
    func end(_ excuse: Int, after seconds: UInt64) {
        journal.note("ends: \(excuses[excuse].name)")
        excuses[excuse].until = Self.now + seconds * Self.second
    }

    /// The gateway says that it believes a member dead: it was told so late, and it may have acted before.
    func believedDead(member: UInt64) {
        let now = Self.now
        excuses.append(
            Excuse(
                name: "believed dead", member: member, from: now - min(now, 5 * Self.second),
                until: now + 15 * Self.second))
    }

    /// The gateway says that it ends the sessions of a member that its source does not name any more. It has to, where the
    /// member was left out; a process that was replaced meanwhile begins with that anew.
    func removed(member: UInt64) {
        let now = Self.now
        let wasLeftOut = excuses.contains { excuse in
            excuse.name == Self.leftOut && excuse.member == member
                && (excuse.until == .max || now < excuse.until + 300 * Self.second)
        }
        guard wasLeftOut else { return }
        excuses.append(
            Excuse(name: "of a member that was removed", member: member, from: now, until: now + 40 * Self.second))
    }

    /// The gateway is killed now.
    func killed() {
        journal.note("gateway killed")
        kills.append(Self.now)
    }

    /// Why this session may have ended; nil where nothing excuses it.
    func excuse(for end: End) -> String? {
        let born = end.at - min(end.at, end.ageNanoseconds)
        for kill in kills
        where kill <= end.at && end.at < kill + Self.revival && born + Self.youth > kill && born < kill + Self.second {
            return "too young to be stored"
        }
        for excuse in excuses where excuse.from <= end.at && end.at < excuse.until {
            // Who had no answer yet cannot say whose it was.
            if end.member == 0 || excuse.member == end.member { return excuse.name }
        }
        return nil
    }
}
