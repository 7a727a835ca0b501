internal import CSplice
internal import Gateway
internal import Synchronization

// Sessions that outlive the process.
extension DataPlane {
    // unsafe: `owner` keeps the plane for as long as there is this object, which outlives each call. C copies what it
    // is given and fills what is ours: a shelf has two ends (SocketPair, InheritedStore), and a note goes with its
    // length. From any thread only what says so (CSplice.h).
    /// Stores sessions from now on, before loops run; the table stays the caller's. Whoever else keeps the store may throw it
    /// away.
    func openStore(table: Int32, isKept: Bool) throws(SystemError) {
        try check("open the table of sessions", unsafe csp_plane_open_store(plane, table, isKept))
    }

    /// From any thread: adds a shelf, whose ends stay open as long as the plane.
    func addShelf(_ number: Int, _ ends: [Int32]) throws(SystemError) {
        try check("add shelf \(number)", unsafe csp_plane_add_shelf(plane, UInt32(number), ends))
    }

    /// From any thread: there will be no more shelves.
    func refuseShelves() { unsafe csp_plane_refuse_shelves(plane) }

    /// Brings back what lies on the shelves, before loops run.
    func recover() throws(SystemError) -> csp_recovery {
        var recovery = csp_recovery()
        try check("recover sessions", unsafe csp_plane_recover(plane, &recovery))
        return recovery
    }

    /// Stores what is not stored yet, after the loops have ended; returns how many found no room.
    func leave() throws(SystemError) -> Int { Int(try check("store sessions", unsafe csp_plane_leave(plane))) }

    /// After ``leave()``, where this process is about to become another program: descriptors of all that is stored stay open
    /// for that. Returns how it finds them again; 0: it has to receive them from the shelves.
    func hold() -> UInt64 { unsafe csp_plane_hold(plane) }

    /// Before ``recover()``, in the program that a process has become: what ``hold()`` returned there.
    func expect(held: UInt64) throws(SystemError) {
        try check("find the descriptors that were passed on", unsafe csp_plane_expect_held(plane, held))
    }

    /// After ``leave()``, where it came to nothing: loops may run again.
    func stay() { unsafe csp_plane_stay(plane) }

    /// Stores sessions while loops run, young ones too, so that ``leave()`` has little to do. Returns when each loop has looked
    /// at all of its own.
    func storeMost() async {
        await withCheckedContinuation { continuation in
            let round = StoringRound(loops: runners.count) { continuation.resume() }
            for runner in runners { runner.submit(.storeAll(round)) }
        }
    }

    /// Whoever has the store has the sessions: with this plane they do not end.
    func abandon() { owner.isAbandoned.store(true, ordering: .relaxed) }

    /// Where the sessions of each endpoint lead that has some, before loops run.
    var places: [EndpointID: SocketAddress] {
        var places: [EndpointID: SocketAddress] = [:]
        for slot in 0..<EndpointSet.slots {
            for runner in runners where places[EndpointID(slot: slot)] == nil {
                places[EndpointID(slot: slot)] = runner.placeOfAnySession(on: slot)
            }
        }
        return places
    }

    /// Writes what the next process is to read.
    func writeNote(_ text: String) throws(SystemError) {
        let bytes = Array(text.utf8)
        try check("leave a note", unsafe csp_plane_write_note(plane, bytes, UInt32(bytes.count)))
    }

    /// What an earlier process has written; empty where nothing can be read.
    func readNote() -> String {
        var bytes = [UInt8](repeating: 0, count: Int(CSP_NOTE_MAX))
        let length = unsafe csp_plane_read_note(plane, &bytes, UInt32(bytes.count))
        return String(decoding: bytes.prefix(max(0, Int(length))), as: UTF8.self)
    }

    /// The descriptor of a listener, to pass on.
    func descriptor(ofListener listener: UInt32) -> Int32? {
        let result = unsafe csp_plane_listener_descriptor(plane, listener)
        return result < 0 ? nil : result
    }
}

extension LoopRunner {
    // unsafe: no loop runs yet, so the thread that prepares them all may ask this one, which lives as long as its
    // `owner`. A slot is below CSP_ENDPOINTS_MAX (EndpointSet), and the address that C fills is ours.
    fileprivate func placeOfAnySession(on slot: UInt32) -> SocketAddress? {
        var address = csp_address()
        let session = unsafe csp_loop_any_session(loop, slot)
        guard session != 0, unsafe csp_session_upstream_address(loop, session, &address) == 0 else { return nil }
        return SocketAddress(address)
    }
}
