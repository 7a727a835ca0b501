internal import Gateway
internal import Glibc
internal import Logging
internal import Synchronization

// More shelves, and who has them: the manager is asked in a thread of its own, for that is waited for.
extension SessionStore {
    /// How often a manager is asked that does not answer, 5 s each: as long as one may take to reload itself.
    private static let patience = 12

    /// From any thread: no shelf has room. The manager is asked to keep more, in a thread of its own, for that is waited for.
    func isFull() {
        let count = state.withLock { state -> Int? in
            state.isWanted = state.isHeld
            guard !state.isHeld, !state.isGrowing, !state.isFinal else { return nil }
            state.isGrowing = true
            return min(Self.shelvesAtOnce, max(Self.firstShelves, state.shelves.count))
        }
        if let count { startGrowing(by: count) }
    }

    /// Returns when no shelf is on its way any more; none is until ``releaseGrowth()``. What the manager has then, whoever
    /// comes next knows as well.
    func holdGrowth() async {
        await withCheckedContinuation { continuation in
            let isGrowing = state.withLock { state in
                state.isHeld = true
                if state.isGrowing { state.holder = continuation }
                return state.isGrowing
            }
            if !isGrowing { continuation.resume() }
        }
    }

    /// This process goes on: it may grow again, and has the manager keep what was made while that was not asked.
    func releaseGrowth() {
        let isWanted = state.withLock { state in
            state.isHeld = false
            defer { state.isWanted = false }
            return state.isWanted
        }
        if isWanted { isFull() } else { keepOwn() }
    }

    /// From any thread: has the manager keep the shelves that were made for this process by the one before it, or for one that
    /// did not come.
    func keepOwn() {
        let isDue = state.withLock { state in
            guard manager != nil, !state.own.isEmpty, !state.isHeld, !state.isGrowing, !state.isFinal else {
                return false
            }
            state.isGrowing = true
            return true
        }
        if isDue { startGrowing(by: 0) }
    }

    private func startGrowing(by count: Int) {
        do throws(SystemError) {
            try SystemThread(name: "store") { [self] in grow(by: count) }.detach()
        } catch {
            stopGrowing(for: error)  // no thread, no shelf: whoever waits for one is told so
        }
    }

    func grow(by count: Int) {
        do throws(SystemError) {
            for number in state.withLock({ $0.own }) { try keepOwn(number) }
            // What the manager does not keep must not be used: its sessions would be stored in appearance only.
            let room = count == 0 ? 0 : try roomForShelves(count)
            for _ in 0..<room { try add(keptBy: manager) }
            if room < count { throw SystemError(ENOSPC, "keep descriptors in the manager's store") }
            hasGrown()
        } catch {
            stopGrowing(for: error)
        }
    }

    private func stopGrowing(for error: SystemError) {
        let isPutOff = state.withLock { state in
            state.isWanted = state.isHeld && error.isOfBusyManager  // it was asked once only: then again later
            state.isFinal = !state.isWanted
            return state.isWanted
        }
        guard !isPutOff else { return hasGrown() }
        plane.refuseShelves()
        logger.warning(
            "the store of sessions is full: further ones end with this process", metadata: ["error": "\(error)"])
        hasGrown()
    }

    private func hasGrown() {
        let holder = state.withLock { state in
            state.isGrowing = false
            defer { state.holder = nil }
            return state.holder
        }
        holder?.resume()
    }

    /// How many of so many the manager has room for; without one there is no limit. One that is busy is asked again.
    private func roomForShelves(_ count: Int) throws(SystemError) -> Int {
        guard let manager else { return count }
        var attempts = 0
        while true {
            do throws(SystemError) {
                return try manager.room(for: 2 * count) / 2
            } catch {
                attempts += 1
                guard error.isOfBusyManager, attempts < Self.patience, !state.withLock({ $0.isHeld }) else {
                    throw error
                }
            }
        }
    }

    private func keepOwn(_ number: Int) throws(SystemError) {
        guard let manager, let ends = state.withLock({ $0.shelves[number] }) else { return }
        guard try roomForShelves(1) == 1 else { throw SystemError(ENOSPC, "keep descriptors in the manager's store") }
        try keep(ends, ofShelf: number, in: manager)
        state.withLock { _ = $0.own.remove(number) }
    }

    /// What it may have under this name already is nobody's any more.
    private func keep(_ ends: [Int32], ofShelf number: Int, in manager: ManagersStore) throws(SystemError) {
        try manager.drop(StoredName.shelf(number).text)
        try manager.keep(ends, as: StoredName.shelf(number).text)
    }

    func add(keptBy manager: ManagersStore?) throws(SystemError) {
        let number = state.withLock { state in
            let number = (0..<StoredName.shelvesAtMost).first { state.shelves[$0] == nil && !state.taken.contains($0) }
            if let number { state.taken.insert(number) }
            return number
        }
        guard let number else { throw SystemError(ENOSPC, "open another shelf") }
        defer { state.withLock { _ = $0.taken.remove(number) } }
        let ends = try SocketPair.sequenced()
        do throws(SystemError) {
            if let manager { try keep(ends, ofShelf: number, in: manager) }
            let isOwn = manager == nil
            // Before anything can be parked there: who hands over takes along what is known.
            state.withLock { state in
                state.shelves[number] = ends
                if isOwn { state.own.insert(number) }
            }
            try plane.addShelf(number, ends)
        } catch {
            state.withLock { state in
                state.shelves[number] = nil
                state.own.remove(number)
            }
            try? manager?.drop(StoredName.shelf(number).text)  // one that does not hear it has not kept it either
            for end in ends { _ = close(end) }  // sockets of ours: nothing is lost with them
            throw error
        }
    }
}
