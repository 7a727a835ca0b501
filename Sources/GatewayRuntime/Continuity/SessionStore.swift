internal import CSplice
internal import Gateway
internal import Glibc
internal import Logging
internal import Synchronization

/// Where this process keeps its sessions for the next one: a table and shelves, and a manager who has duplicates of them.
/// Without a manager they are kept only across ``Succession``.
///
/// `@unchecked Sendable`: what changes is locked.
@safe final class SessionStore: @unchecked Sendable {
    struct State {
        var shelves: [Int: [Int32]]
        /// Numbers of shelves that are on their way.
        var taken: Set<Int> = []
        /// Of these the manager does not know yet.
        var own: Set<Int> = []
        var isGrowing = false
        var isFinal = false
        /// No growth begins. Whether somebody has asked for one meanwhile, and who waits for the end of one that was under way.
        var isHeld = false
        var isWanted = false
        var holder: CheckedContinuation<Void, Never>?
        var adopted: UInt32 = 0
        var lost: UInt32 = 0
    }

    /// So many shelves in the beginning, and so many more at most when they are full; each is for about 270 sessions or pipes.
    static let firstShelves = 2
    private static let sessionsOfAShelf = 250
    static let shelvesAtOnce = 64

    let plane: DataPlane
    let manager: ManagersStore?
    private let table: Int32
    let logger: Logger
    let state: Mutex<State>
    /// Held by who writes the note: the control loop, and whoever hands over.
    private let note = Mutex(())

    private init(
        plane: DataPlane, manager: ManagersStore?, table: Int32, shelves: [Int: [Int32]], own: Set<Int> = [],
        logger: Logger
    ) {
        self.plane = plane
        self.manager = manager
        self.table = table
        self.logger = logger
        state = Mutex(State(shelves: shelves, own: own))
    }

    /// Whether sessions are there for the next process, whatever becomes of this one.
    var isKept: Bool { manager != nil }

    /// Opens what an earlier process has left, or a new store where that is wanted and somebody keeps it. Nothing about it is
    /// a reason not to serve: what goes wrong is one line in the log, and then sessions are not stored.
    static func open(
        _ inherited: inout InheritedStore, of plane: DataPlane, keptBy manager: ManagersStore?, isWanted: Bool,
        logger: Logger
    ) -> SessionStore? {
        do throws(SystemError) {
            // One that does not hear it gives them to the next process, which tells it again.
            if let manager { for name in inherited.useless { try? manager.drop(name) } }
            if let store = try reopen(&inherited, plane, manager, logger) {
                if store.isKept != isWanted { tell(logger, store.isKept, hasManager: manager != nil) }
                return store
            }
            guard isWanted, let manager else { return nil }
            return try create(plane, manager, logger)
        } catch {
            logger.warning("sessions are not stored: they end with this process", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// What was wanted takes effect later, for the table is as the process before has left it.
    private static func tell(_ logger: Logger, _ isKept: Bool, hasManager: Bool) {
        if isKept {
            logger.warning("--crash-safe=off takes effect when the service was stopped: its store has sessions")
        } else if hasManager {
            logger.warning(
                "sessions are not stored: the process before did not store them either; a restart tries it anew")
        }
    }

    /// Opens a store for the moment in which this process becomes another one.
    static func open(forSuccessionOf plane: DataPlane, logger: Logger) throws(SystemError) -> SessionStore {
        let table = try check("create a table of sessions", csp_table_create())
        try plane.openStore(table: table, isKept: false)
        return SessionStore(plane: plane, manager: nil, table: table, shelves: [:], logger: logger)
    }

    /// A table of the form that we would hand over; the caller's.
    static func emptyTable() throws(SystemError) -> Int32 {
        try check("create a table of sessions", csp_table_create())
    }

    private static func reopen(
        _ inherited: inout InheritedStore, _ plane: DataPlane, _ manager: ManagersStore?, _ logger: Logger
    ) throws(SystemError) -> SessionStore? {
        guard let table = inherited.table else { return nil }
        do throws(SystemError) {
            try check("read the table of sessions", csp_table_check(table))
        } catch {
            logger.error(
                "the sessions of an earlier process cannot be read by this version, and are reset",
                metadata: ["error": "\(error)"])
            let names = [StoredName.table] + inherited.shelves.keys.map { .shelf($0) }
            inherited.discardSessions()
            if let manager { for name in names { try manager.drop(name.text) } }
            return nil
        }
        let keeper = inherited.isKept ? manager : nil
        try plane.openStore(table: table, isKept: keeper != nil)
        for (number, ends) in inherited.shelves { try plane.addShelf(number, ends) }
        if inherited.held != 0 { try plane.expect(held: inherited.held) }
        let store = SessionStore(
            plane: plane, manager: keeper, table: table, shelves: inherited.shelves, own: inherited.ownShelves,
            logger: logger)
        (inherited.table, inherited.shelves) = (nil, [:])
        return store
    }

    private static func create(
        _ plane: DataPlane, _ manager: ManagersStore, _ logger: Logger
    ) throws(SystemError) -> SessionStore? {
        guard try manager.room(for: 1) == 1 else {
            logger.warning(
                "sessions are not stored: the service manager keeps no descriptors (FileDescriptorStoreMax=)")
            return nil
        }
        let table = try check("create a table of sessions", csp_table_create())
        try manager.keep([table], as: StoredName.table.text)
        try plane.openStore(table: table, isKept: true)
        let store = SessionStore(plane: plane, manager: manager, table: table, shelves: [:], logger: logger)
        store.grow(by: firstShelves)
        return store
    }

    /// Brings back what lies there, before loops run.
    func recover() throws(SystemError) {
        let found = try plane.recover()
        state.withLock { ($0.adopted, $0.lost) = (found.sessions, found.ended) }
        if found.error != 0 {
            let error = SystemError(found.error, "look at all sessions of an earlier process")
            logger.error("sessions could not be looked at, and are reset", metadata: ["error": "\(error)"])
        }
        guard found.sessions + found.clients + found.ended > 0 else { return }
        if found.refused > 0 {
            logger.error(
                "sessions of an earlier process were reset: this one may not open as many descriptors (LimitNOFILE=)",
                metadata: ["count": .stringConvertible(found.refused)])
        }
        logger.info(
            "sessions of an earlier process go on",
            metadata: [
                "sessions": .stringConvertible(found.sessions), "clients": .stringConvertible(found.clients),
                "ended": .stringConvertible(found.ended), "lost": .stringConvertible(found.unsafe),
            ])
    }

    /// How many sessions of an earlier process go on here.
    var adopted: UInt32 { state.withLock { $0.adopted } }
    /// How many could not, or had ended meanwhile.
    var lost: UInt32 { state.withLock { $0.lost } }

    /// Stores most of what is not stored yet, while loops run, so that ``leave(toHeir:)`` has little to do.
    func storeMost() async throws(SystemError) {
        // Without a manager there is no limit to ask about.
        if manager == nil { while state.withLock({ $0.shelves.count }) < shelvesForAll { try add(keptBy: nil) } }
        await plane.storeMost()
    }

    /// As many as there are sessions for.
    private var shelvesForAll: Int { Int(clamping: plane.sessions) / Self.sessionsOfAShelf + 1 }

    /// Stores all that is not stored yet, after the loops have ended. What becomes this process anew needs no manager to find
    /// it, so there is room for all.
    func leave(toHeir isHeir: Bool = false) throws(SystemError) {
        if manager == nil { while state.withLock({ $0.shelves.count }) < shelvesForAll { try add(keptBy: nil) } }
        var before = Int.max
        while true {
            let left = try plane.leave()
            guard left > 0 else { return }
            if isHeir {
                guard left < before else { throw SystemError(ENOBUFS, "store all sessions") }
                before = left
                try add(keptBy: nil)
                continue
            }
            guard state.withLock({ !$0.isFinal }), try manager?.room(for: 2) ?? 2 == 2 else {
                logger.warning(
                    "not all sessions found room in the store", metadata: ["ended": .stringConvertible(left)])
                return
            }
            try add(keptBy: manager)
        }
    }

    /// Before loops run: this process cannot begin. What it has taken out is stored again, so that another one finds it; where
    /// nobody keeps the store all ends with this process.
    func giveBack() {
        guard manager != nil else { return }
        do throws(SystemError) {
            try leave()
        } catch {
            logger.error("not all sessions could be stored", metadata: ["error": "\(error)"])
        }
        plane.abandon()
    }

    /// A note for the next process.
    func write(_ handover: Handover) throws(SystemError) {
        try note.withLock { _ throws(SystemError) in try plane.writeNote(handover.text) }
    }

    /// What the next process needs, under the names by which it knows it.
    var descriptors: [PassedDescriptor] {
        let (shelves, own) = state.withLock { ($0.shelves, $0.own) }
        return [PassedDescriptor(descriptor: table, name: StoredName.table.text, isKept: isKept)]
            + shelves.sorted { $0.key < $1.key }.flatMap { number, ends in
                ends.map {
                    PassedDescriptor(
                        descriptor: $0, name: StoredName.shelf(number).text, isKept: isKept && !own.contains(number))
                }
            }
    }

    /// A copy of the table without sessions, for a program that is to say whether it can read it. The caller's.
    func copyOfTable() throws(SystemError) -> Int32 { try check("copy the table of sessions", csp_table_copy(table)) }
}
