internal import CAres
internal import Gateway

/// Answers questions about names: by /etc/hosts, else by DNS through c-ares. Lives on the control loop, from ``open()`` to
/// ``close()``.
actor Resolver {
    /// A question that waits for its turn or for DNS.
    private struct Query {
        let name: String
        let type: DNSRecordType
        /// Whether the search list and ndots of resolv.conf apply.
        let isSearched: Bool
        let continuation: CheckedContinuation<AresChannel.Outcome, any Error>
    }

    private let executor: EventExecutor
    private var servers: [SocketAddress]
    private let files: NameFiles
    /// There is one while the resolver is open.
    private var channel: AresChannel?
    /// Channels of an earlier resolv.conf that still have queries under way.
    private var retiring: [AresChannel] = []
    private var hosts = HostsFile(parsing: "")
    private var fileWatch: FileWatch?
    private var limit = QueryLimit()
    private var isStarting = false
    /// Those that somebody still waits for.
    private var queries: [UInt64: Query] = [:]
    private var nextID: UInt64 = 0

    /// Answers from /etc/hosts hold until the file changes, of which the control loop hears.
    private static let hostsTimeToLive = Duration.seconds(86_400)

    // unsafe: an unowned reference to the executor, which the actor holds, and its thread while it runs a job.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// A resolver that asks these servers, or without any those of resolv.conf.
    init(executor: EventExecutor, servers: [SocketAddress], files: NameFiles = NameFiles()) {
        self.executor = executor
        self.servers = servers
        self.files = files
    }

    /// Reads the files; from then on it answers.
    func open() throws(ResolverError) {
        channel = try makeChannel()
        readHosts()
    }

    /// Gives all questions up. It is called before the control loop stops, whatever else went wrong.
    func close() {
        let waiting = queries.keys.filter { limit.withdraw($0) }
        for id in waiting { queries.removeValue(forKey: id)?.continuation.resume(throwing: CancellationError()) }
        let channels = retiring + [channel].compactMap { $0 }
        (channel, retiring) = (nil, [])
        for channel in channels { channel.close() }  // answers those that are under way
        fileWatch?.close()
        fileWatch = nil
    }

    /// Calls, on the control loop, whenever the files have changed and the resolver goes by the new ones.
    func watchFiles(_ changed: @escaping @Sendable () -> Void) throws(SystemError) {
        fileWatch = try FileWatch(executor: executor, paths: [files.hosts, files.resolvConf]) { [weak self] in
            self?.assumeIsolated { $0.filesChanged() }
            changed()
        }
        filesChanged()  // what happened between the first look and the watch
    }

    /// How many queries c-ares has.
    var underWay: Int { limit.running }

    /// How many channels of an earlier resolv.conf are left.
    var retiringChannels: Int { retiring.count }

    /// The answer; cancellation gives this one question up and no other.
    func answer(_ question: Question) async throws -> Answer {
        switch question {
        case .services(let name):
            let outcome = try await ask(name, .srv, isSearched: false)
            return Answer(outcome) { reply in
                let found = reply.services(for: name)
                return (found.values.isEmpty ? nil : { .services(found.values, timeToLive: $0) }, found.timeToLive)
            }
        case .addresses(let name, let family):
            if let known = knownAddresses(name, family) { return known }
            let type: DNSRecordType = family == .v4 ? .a : .aaaa
            let outcome = try await ask(name, type, isSearched: true)
            return Answer(outcome) { reply in
                // The search list may have found it under a longer name: what was asked stands in the reply.
                let found = reply.addresses(for: reply.question?.name ?? name, type)
                return (found.values.isEmpty ? nil : { .addresses(found.values, timeToLive: $0) }, found.timeToLive)
            }
        }
    }

    /// Asks these servers from now on, or without any those of resolv.conf. Queries that are under way finish on the old
    /// channel. Where no new one can be made, nothing has changed.
    func use(servers: [SocketAddress]) throws(ResolverError) {
        guard let old = channel else { return }
        channel = try AresChannel(executor: executor, resolvConf: files.resolvConf, servers: servers)
        self.servers = servers
        retiring.append(old)
        closeIdleChannels()
    }

    /// An address of a host that should be this one; IPv4 first.
    func localAddress(of name: String) async -> IPAddress? {
        for family in AddressFamily.allCases {
            if case .addresses(let addresses, _)? = try? await answer(.addresses(name, family)) {
                return addresses.first
            }
        }
        return nil
    }

    /// Queries that are under way finish on the old channel.
    private func filesChanged() {
        guard let old = channel else { return }
        readHosts()
        guard let new = try? makeChannel() else { return }  // ENOMEM: keep the old one
        channel = new
        retiring.append(old)
        closeIdleChannels()
    }

    private func readHosts() {
        hosts = HostsFile(parsing: SystemFile.read(files.hosts) ?? "")
    }

    private func makeChannel() throws(ResolverError) -> AresChannel {
        try AresChannel(executor: executor, resolvConf: files.resolvConf, servers: servers)
    }

    private func closeIdleChannels() {
        for channel in retiring where channel.pending == 0 { channel.close() }
        retiring.removeAll { $0.pending == 0 }
    }

    /// What needs no DNS: /etc/hosts, where one family's entry settles the other's absence, and localhost (RFC 6761).
    private func knownAddresses(_ name: String, _ family: AddressFamily) -> Answer? {
        var addresses = hosts.addresses(for: name)
        if addresses.isEmpty, Self.isLocalhost(name) { addresses = Self.loopback }
        guard !addresses.isEmpty else { return nil }
        let wanted = addresses.filter { address in
            if case .v4 = address { family == .v4 } else { family == .v6 }
        }
        guard !wanted.isEmpty else { return .nothing(timeToLive: Self.hostsTimeToLive) }
        return .addresses(wanted, timeToLive: Self.hostsTimeToLive)
    }

    private static let loopback = ["127.0.0.1", "::1"].compactMap { IPAddress($0) }

    private static func isLocalhost(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["localhost", "localhost."].contains { name == $0 || name.hasSuffix("." + $0) }
    }

    private func ask(_ name: String, _ type: DNSRecordType, isSearched: Bool) async throws -> AresChannel.Outcome {
        let id = nextID
        nextID += 1
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard !Task.isCancelled, channel != nil else {
                    return continuation.resume(throwing: CancellationError())
                }
                queries[id] = Query(name: name, type: type, isSearched: isSearched, continuation: continuation)
                limit.add(id)
                startQueries()
            }
        } onCancel: {
            executor.post { self.assumeIsolated { $0.cancelled(id) } }
        }
    }

    /// Starts as many as may be under way. One that is answered at once makes room within this very loop.
    private func startQueries() {
        guard !isStarting else { return }
        isStarting = true
        defer { isStarting = false }
        while let channel, let id = limit.next() {
            guard let query = queries[id] else {
                preconditionFailure("one that was given up does not wait for its turn")
            }
            let finish: (AresChannel.Outcome) -> Void = { self.finished(id, $0) }
            if query.isSearched {
                channel.search(query.name, query.type, finish)
            } else {
                channel.query(query.name, query.type, finish)
            }
        }
    }

    /// Called by c-ares: a channel must not be closed here.
    private func finished(_ id: UInt64, _ outcome: AresChannel.Outcome) {
        queries.removeValue(forKey: id)?.continuation.resume(returning: outcome)  // nobody waits for a cancelled one
        limit.ended()
        startQueries()
        guard !retiring.isEmpty else { return }
        executor.post { self.assumeIsolated { $0.closeIdleChannels() } }
    }

    private func cancelled(_ id: UInt64) {
        _ = limit.withdraw(id)  // one that has started ends by itself: ares_cancel would end everybody's
        queries.removeValue(forKey: id)?.continuation.resume(throwing: CancellationError())
    }
}

extension Answer {
    /// What a reply says, by the records that `read` finds in it.
    init(_ outcome: AresChannel.Outcome, _ read: (DNSMessage) -> (records: ((Duration) -> Answer)?, Duration?)) {
        switch outcome.status {
        case ARES_SUCCESS, ARES_ENODATA, ARES_ENOTFOUND:
            do throws(DNSMessageError) {
                guard !outcome.reply.isEmpty else {
                    self = .nothing(timeToLive: nil)
                    return
                }
                let (records, timeToLive) = read(try DNSMessage.parse(outcome.reply))
                self = records?(timeToLive ?? .zero) ?? .nothing(timeToLive: timeToLive)
            } catch {
                self = .failed("unusable reply: \(error)")
            }
        case ARES_ECONNREFUSED:
            // c-ares says so of servers that are not reached and of those that answer SERVFAIL or REFUSED alike.
            self = .failed("no name server is reached, or they refuse or fail")
        default:
            self = .failed(unsafe String(cString: ares_strerror(outcome.status)))  // unsafe: a constant text of c-ares
        }
    }
}
