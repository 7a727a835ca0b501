internal import Gateway
internal import Glibc

/// What an earlier process has left in the store, as it was given back. Whoever takes a descriptor out owns it.
struct InheritedStore: Sendable {
    /// The table; `nil` where there is none.
    var table: Int32?
    /// Whether the service manager has the table as well: then it gives it to whatever process comes next.
    var isKept = true
    /// Both ends of each shelf.
    var shelves: [Int: [Int32]] = [:]
    /// Shelves that the manager does not have.
    var ownShelves: Set<Int> = []
    /// What the manager may have and nobody can use; it is to be told.
    var useless: Set<String> = []
    /// Under which number descriptors of its sessions are open beside these; 0: none are.
    var held: UInt64 = 0
    /// Listeners that the earlier process had opened.
    var listeners: [Int32] = []

    /// Nothing.
    init() {}

    /// What is in the store among these. What nobody could use is closed.
    init(_ passed: [PassedDescriptor]) {
        var ends: [Int: [Int32]] = [:]
        for one in passed {
            switch one.storedAs {
            case .table where table == nil: (table, isKept) = (one.descriptor, one.isKept)
            case .shelf(let number):
                ends[number, default: []].append(one.descriptor)
                if !one.isKept { ownShelves.insert(number) }
            case .listener: listeners.append(one.descriptor)
            case .table: Glibc.close(one.descriptor)
            case .other:
                Glibc.close(one.descriptor)
                useless.insert(one.name)
            case nil: break  // somebody else's
            }
        }
        for (number, ends) in ends {
            if ends.count == 2, table != nil { shelves[number] = ends } else { discard(ends, ofShelf: number) }
        }
    }

    /// One end alone says nothing, and no shelf does without the table.
    private mutating func discard(_ ends: [Int32], ofShelf number: Int) {
        for end in ends { Glibc.close(end) }
        useless.insert(StoredName.shelf(number).text)
    }

    /// Closes shelves and table: the kernel resets the sessions that lie there.
    mutating func discardSessions() {
        for end in shelves.values.joined() { Glibc.close(end) }
        if let table { Glibc.close(table) }
        (table, shelves) = (nil, [:])
    }

    /// A listener that is bound there, which is the caller's then.
    mutating func takeListener(boundTo address: String) -> ActivatedSocket? { takeListener { $0 == address } }

    /// The first listener that is in the way of a new one there: it is bound there, or the kernel does not say where, now or
    /// when it was asked before. An earlier process passes its listeners in the order of the settings.
    mutating func takeListener(inTheWayAt address: String) -> ActivatedSocket? {
        takeListener { $0 == address || $0.isEmpty }
    }

    private mutating func takeListener(where isWanted: (String) -> Bool) -> ActivatedSocket? {
        guard let place = listeners.firstIndex(where: { isWanted(ActivatedSocket(descriptor: $0, name: "").address) })
        else { return nil }
        return ActivatedSocket(descriptor: listeners.remove(at: place), name: StoredName.listener.text)
    }

    /// Closes the listeners that nobody wants any more.
    mutating func discardListeners() {
        for listener in listeners { Glibc.close(listener) }
        listeners = []
    }
}
