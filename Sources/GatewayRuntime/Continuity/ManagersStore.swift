internal import Gateway
internal import Glibc

/// The service manager's descriptor store (sd_pid_notify_with_fds(3), FileDescriptorStoreMax=): what it keeps comes back to
/// the next process, however this one ends. All calls wait for the manager, for a millisecond mostly.
struct ManagersStore: Sendable {
    let notify: NotifySocket

    /// How long a manager that is busy is waited for.
    private static let patienceMilliseconds: Int32 = 5000

    /// Has it keep duplicates of these under one name. It says nothing about it: ask for ``room(for:)`` before.
    func keep(_ descriptors: [Int32], as name: String) throws(SystemError) {
        // FDPOLL=0: it must not look at them, for it would drop a socket whose peer has ended, with what is unread there.
        try notify.send("FDSTORE=1\nFDNAME=\(name)\nFDPOLL=0", with: descriptors)
    }

    /// Has it drop what it keeps under this name.
    func drop(_ name: String) throws(SystemError) {
        try notify.send("FDSTOREREMOVE=1\nFDNAME=\(name)")
    }

    /// How many of so many descriptors (``PassedDescriptor/askedForAtMost``) it would keep: has it keep as many, and sees which are still open when
    /// nobody but the manager can have them. A store that is full has dropped some, one that does not exist all. A manager that
    /// does not answer is an error (ETIMEDOUT).
    func room(for wanted: Int) throws(SystemError) -> Int {
        var own: [Int32] = []
        defer { for descriptor in own { _ = close(descriptor) } }  // ours alone, with nothing in them
        // Of its own, for another thread may ask too. Where this process ends meanwhile the next one has it dropped.
        let name = StoredName.other("probe.\(UInt64.random(in: 0 ... .max))").text
        try probe(with: wanted, as: name, &own)
        let hasAnswered = try hasReadAll()
        guard hasAnswered else {
            try? drop(name)  // it reads that later; and if not even that can be said, the next process says it
            throw SystemError(ETIMEDOUT, "ask the service manager for room in its store")
        }
        let count = own.count { !Self.hasHungUp($0, within: 0) }
        try drop(name)
        return count
    }

    /// Has it keep so many, whose other ends are added to `own`; the manager alone has them afterwards.
    private func probe(with count: Int, as name: String, _ own: inout [Int32]) throws(SystemError) {
        var given: [Int32] = []
        defer { for descriptor in given { _ = close(descriptor) } }  // of ours; what the manager has are duplicates
        for _ in 0..<count {
            let ends = try SocketPair.sequenced()
            own.append(ends[0])
            given.append(ends[1])
        }
        try keep(given, as: name)
    }

    /// Returns when the manager has read all that it was told before; false where it does not answer (BARRIER=1).
    private func hasReadAll() throws(SystemError) -> Bool {
        let ends = try SocketPair.sequenced()
        let own = Descriptor(owning: ends[0])
        do {
            let given = Descriptor(owning: ends[1])
            try notify.send("BARRIER=1", with: [given.number])
        }
        return Self.hasHungUp(own.number, within: Self.patienceMilliseconds)
    }

    // unsafe: poll(2) reads and fills one pollfd, which is ours, while the call lasts.
    private static func hasHungUp(_ descriptor: Int32, within milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        // EINTR is taken for a manager that does not answer: signals come to another thread.
        return unsafe poll(&request, 1, milliseconds) == 1 && request.revents & Int16(POLLHUP) != 0
    }
}

extension SystemError {
    /// The manager has not answered, or its queue is full: it may do both later.
    var isOfBusyManager: Bool { number == ETIMEDOUT || number == EAGAIN }
}
