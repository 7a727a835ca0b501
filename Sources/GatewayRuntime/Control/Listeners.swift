internal import Gateway
internal import Logging

/// What the gateway listens on. Lives on the control loop, which alone opens and closes listeners.
actor Listeners {
    /// One that is open because a setting or the service manager says so.
    struct Open: Sendable {
        /// The setting that it stands for; `nil` for a socket of the manager.
        var address: ListenAddress?
        fileprivate var number: UInt32
        /// What the one who passed it calls it.
        var name = StoredName.listener.text
    }

    private let executor: EventExecutor
    private let plane: DataPlane
    private let resolver: Resolver
    private var open: [Open] = []
    /// What an earlier process had open.
    private var inherited: InheritedStore
    /// Who keeps our own listeners for the next process; `nil` where nobody does.
    private var keeper: ManagersStore?

    // unsafe: an unowned reference to the executor, which the actor holds, and its thread while it runs a job.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// No listener yet.
    init(executor: EventExecutor, plane: DataPlane, resolver: Resolver, inheriting inherited: InheritedStore) {
        self.inherited = inherited
        self.executor = executor
        self.plane = plane
        self.resolver = resolver
    }

    /// Listens on sockets that somebody else has opened.
    func adopt(_ sockets: [ActivatedSocket]) throws(SystemError) {
        for socket in sockets {
            open.append(Open(address: nil, number: try plane.listen(on: socket), name: socket.name))
        }
        inherited.discardListeners()
    }

    /// Opens those of these addresses that are not open yet, all or none. The others stay open as well, until
    /// ``keep(only:)`` says which are wanted, or ``close(_:)`` that the new ones are not.
    func open(_ addresses: [ListenAddress]) async throws -> [Open] {
        var new: [Open] = []
        do {
            for address in missing(of: addresses) {
                let listener = Open(address: address, number: try await listen(on: address))
                open.append(listener)
                new.append(listener)
            }
        } catch {
            close(new)
            throw error
        }
        inherited.discardListeners()
        return new
    }

    /// Opens what is not open yet, in whatever words, and closes it again: whether another process could.
    func tryOut(_ addresses: [ListenAddress]) async throws {
        var unknown: [ListenAddress] = []
        for address in addresses where !(await isBound(address)) { unknown.append(address) }
        close(try await open(unknown))
    }

    private func isBound(_ address: ListenAddress) async -> Bool {
        switch address {
        case .ip(let address): return addresses.contains(address)
        case .unix: return false  // has one spelling only
        case .name(let name, let port):
            guard let ip = await resolver.localAddress(of: name) else { return false }
            return addresses.contains(SocketAddress(ip: ip, port: port))
        }
    }

    /// All that is open, to be passed on.
    var descriptors: [PassedDescriptor] {
        open.compactMap { listener in
            plane.descriptor(ofListener: listener.number).map { PassedDescriptor(descriptor: $0, name: listener.name) }
        }
    }

    /// Closes these.
    func close(_ listeners: [Open]) {
        for listener in listeners { plane.close(listener: listener.number) }
        let closed = Set(listeners.map(\.number))
        open.removeAll { closed.contains($0.number) }
    }

    /// From now on what we have opened ourselves is kept there, so that clients can connect while nobody serves.
    func keep(in keeper: ManagersStore) throws(SystemError) {
        self.keeper = keeper
        try keepOwn()
    }

    /// The manager knows all of them by one name, so that those it has are forgotten first.
    private func keepOwn() throws(SystemError) {
        guard let keeper else { return }
        let own = open.compactMap { $0.address == nil ? nil : plane.descriptor(ofListener: $0.number) }
        try keeper.drop(StoredName.listener.text)
        for descriptor in own { try keeper.keep([descriptor], as: StoredName.listener.text) }
    }

    /// Closes what stands for none of these addresses.
    func keep(only addresses: [ListenAddress]) {
        var wanted = addresses
        close(
            open.filter { listener in
                guard let address = listener.address else { return false }
                guard let place = wanted.firstIndex(of: address) else { return true }
                wanted.remove(at: place)
                return false
            })
        try? keepOwn()  // a manager that does not hear: then a restart opens them anew
    }

    /// Accepts no more. Sockets of the manager stay open there, where clients wait for the next process.
    func closeAll() { close(open) }

    /// The IP addresses that are listened on.
    var addresses: [SocketAddress] { open.compactMap { plane.address(ofListener: $0.number) } }

    private func missing(of addresses: [ListenAddress]) -> [ListenAddress] {
        var known = open.compactMap(\.address)
        return addresses.filter { address in
            guard let place = known.firstIndex(of: address) else { return true }
            known.remove(at: place)
            return false
        }
    }

    private func listen(onIP address: SocketAddress) throws(SystemError) -> UInt32 {
        try listen(boundTo: "\(address)") { () throws(SystemError) in try plane.listen(on: address) }
    }

    /// On an inherited listener that is bound there, or on a new one. Where that place is taken, an inherited one of which
    /// the kernel does not say where it is bound has it.
    private func listen(boundTo address: String, opening new: () throws(SystemError) -> UInt32) throws(SystemError)
        -> UInt32
    {
        if let socket = inherited.takeListener(boundTo: address) { return try plane.listen(on: socket) }
        do throws(SystemError) {
            return try new()
        } catch {
            guard error.isAddressInUse, let socket = inherited.takeListener(inTheWayAt: address) else { throw error }
            return try plane.listen(on: socket)
        }
    }

    private func listen(on address: ListenAddress) async throws -> UInt32 {
        do {
            switch address {
            case .ip(let address): return try listen(onIP: address)
            case .unix(let path):
                return try listen(boundTo: "unix://\(path)") { () throws(SystemError) in
                    try plane.listen(onPath: path)
                }
            case .name(let name, let port):
                // The first address of the name, as the old gateway does it.
                guard let ip = await resolver.localAddress(of: name) else {
                    throw StartError.unknownListenHost(name, port: port)
                }
                return try listen(onIP: SocketAddress(ip: ip, port: port))
            }
        } catch let error as SystemError where error.isAddressInUse {
            // The kernel takes no second listener beside one on the same port that means all addresses.
            guard let other = open.compactMap(\.address).first(where: { $0.overlaps(address) }) else { throw error }
            throw StartError.overlap(address, with: other)
        }
    }
}

extension ListenAddress {
    /// Whether both have the same port, so that one may stand in the other's way.
    fileprivate func overlaps(_ other: ListenAddress) -> Bool { port != nil && port == other.port && !isAnyPort }

    private var port: UInt16? {
        switch self {
        case .ip(let address): address.port
        case .name(_, let port): port
        case .unix: nil
        }
    }
}
