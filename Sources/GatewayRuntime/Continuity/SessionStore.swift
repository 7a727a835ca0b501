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
    private struct State {
        var shelves: [Int: [Int32]]
        /// Numbers of shelves that are on their way.
        var taken: Set<Int> = []
        var isGrowing = false
        var isFinal = false
        var adopted: UInt32 = 0
        var lost: UInt32 = 0
    }

    /// So many shelves in the beginning, and so many more at most when they are full; each is for about 270 sessions or pipes.
    private static let firstShelves = 2
    private static let sessionsOfAShelf = 250
    private static let shelvesAtOnce = 64

    private let plane: DataPlane
    private let manager: ManagersStore?
    private let table: Int32
    private let logger: Logger
    private let state: Mutex<State>
    /// Held by who writes the note: the control loop, and whoever hands over.
    private let note = Mutex(())

    private init(
        plane: DataPlane, manager: ManagersStore?, table: Int32, shelves: [Int: [Int32]], logger: Logger
    ) {
        self.plane = plane
        self.manager = manager
        self.table = table
        self.logger = logger
        state = Mutex(State(shelves: shelves))
    }

    /// Opens what an earlier process has left, or a new store where that is wanted and somebody keeps it. Nothing about it is
    /// a reason not to serve: what goes wrong is one line in the log, and then sessions are not stored.
    static func open(
        _ inherited: inout InheritedStore, of plane: DataPlane, keptBy manager: ManagersStore?, isWanted: Bool,
        logger: Logger
    ) -> SessionStore? {
        do throws(SystemError) {
            if let store = try reopen(&inherited, plane, manager, logger) { return store }
            guard isWanted, let manager else { return nil }
            return try create(plane, manager, logger)
        } catch {
            logger.warning("sessions are not stored: they end with this process", metadata: ["error": "\(error)"])
            return nil
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
        try plane.openStore(table: table, isKept: manager != nil)
        for (number, ends) in inherited.shelves { try plane.addShelf(number, ends) }
        if inherited.held != 0 { try plane.expect(held: inherited.held) }
        let store = SessionStore(
            plane: plane, manager: manager, table: table, shelves: inherited.shelves, logger: logger)
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

    /// From any thread: no shelf has room. The manager is asked to keep more, in a thread of its own, for that is waited for.
    func isFull() {
        let count = state.withLock { state -> Int? in
            guard !state.isGrowing, !state.isFinal else { return nil }
            state.isGrowing = true
            return min(Self.shelvesAtOnce, max(Self.firstShelves, state.shelves.count))
        }
        guard let count else { return }
        do throws(SystemError) {
            try SystemThread(name: "store") { [self] in grow(by: count) }.detach()
        } catch {
            grow(by: 0)  // no thread, no shelf: whoever waits for one is told so
        }
    }

    private func grow(by count: Int) {
        do throws(SystemError) {
            if count == 0 { throw SystemError(EAGAIN, "start a thread") }
            // What the manager does not keep must not be used: its sessions would be stored in appearance only.
            let room = try manager.map { manager throws(SystemError) in try manager.room(for: 2 * count) / 2 } ?? count
            for _ in 0..<room { try add(keptBy: manager) }
            if room < count { throw SystemError(ENOSPC, "keep descriptors in the manager's store") }
            state.withLock { $0.isGrowing = false }
        } catch {
            state.withLock { $0.isFinal = true }
            plane.refuseShelves()
            logger.warning(
                "the store of sessions is full: further ones end with this process", metadata: ["error": "\(error)"])
        }
    }

    private func add(keptBy manager: ManagersStore?) throws(SystemError) {
        let number = state.withLock { state in
            let number = (0..<StoredName.shelvesAtMost).first { state.shelves[$0] == nil && !state.taken.contains($0) }
            if let number { state.taken.insert(number) }
            return number
        }
        guard let number else { throw SystemError(ENOSPC, "open another shelf") }
        defer { state.withLock { _ = $0.taken.remove(number) } }
        let ends = try SocketPair.sequenced()
        do throws(SystemError) {
            try manager?.keep(ends, as: StoredName.shelf(number).text)
            // Before anything can be parked there: who hands over takes along what is known.
            state.withLock { $0.shelves[number] = ends }
            try plane.addShelf(number, ends)
        } catch {
            state.withLock { $0.shelves[number] = nil }
            try? manager?.drop(StoredName.shelf(number).text)  // one that does not hear it has not kept it either
            for end in ends { _ = close(end) }  // sockets of ours: nothing is lost with them
            throw error
        }
    }

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
        let shelves = state.withLock { $0.shelves }
        return [PassedDescriptor(descriptor: table, name: StoredName.table.text)]
            + shelves.sorted { $0.key < $1.key }.flatMap { number, ends in
                ends.map { PassedDescriptor(descriptor: $0, name: StoredName.shelf(number).text) }
            }
    }

    /// A copy of the table without sessions, for a program that is to say whether it can read it. The caller's.
    func copyOfTable() throws(SystemError) -> Int32 { try check("copy the table of sessions", csp_table_copy(table)) }
}
