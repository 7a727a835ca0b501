internal import CAres
internal import Gateway

/// Answers questions about names: by /etc/hosts, else by DNS through c-ares. Lives on the control loop.
actor Resolver {
    private let executor: EventExecutor
    private let servers: [SocketAddress]
    private var channel: AresChannel
    /// Channels of an earlier resolv.conf that still have queries under way.
    private var retiring: [AresChannel] = []
    private var hosts: HostsFile
    private var limit = QueryLimit()
    private var waiting: [UInt64: CheckedContinuation<AresChannel.Outcome, any Error>] = [:]
    private var nextID: UInt64 = 0

    /// Answers from /etc/hosts hold until the file changes, of which the control loop hears.
    private static let hostsTimeToLive = Duration.seconds(86_400)

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// A resolver that asks these servers, or without any those of /etc/resolv.conf. Called on the control loop.
    init(executor: EventExecutor, servers: [SocketAddress]) throws(ResolverError) {
        self.executor = executor
        self.servers = servers
        channel = try AresChannel(executor: executor, servers: servers)
        hosts = HostsFile(parsing: SystemFile.read(SystemFile.hosts) ?? "")
    }

    /// The answer; cancellation gives this one question up and no other.
    func answer(_ question: Question) async throws -> Answer {
        switch question {
        case .services(let name):
            let outcome = try await ask { channel, finish in channel.query(name, .srv, finish) }
            return Answer(outcome) { reply in
                let found = reply.services(for: name)
                return (found.values.isEmpty ? nil : { .services(found.values, timeToLive: $0) }, found.timeToLive)
            }
        case .addresses(let name, let family):
            if let known = knownAddresses(name, family) { return known }
            let type: DNSRecordType = family == .v4 ? .a : .aaaa
            let outcome = try await ask { channel, finish in channel.search(name, type, finish) }
            return Answer(outcome) { reply in
                // The search list may have found it under a longer name: what was asked stands in the reply.
                let found = reply.addresses(for: reply.question?.name ?? name, type)
                return (found.values.isEmpty ? nil : { .addresses(found.values, timeToLive: $0) }, found.timeToLive)
            }
        }
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

    /// /etc/hosts or /etc/resolv.conf changed. Queries that are under way finish on the old channel.
    func systemFilesChanged() {
        hosts = HostsFile(parsing: SystemFile.read(SystemFile.hosts) ?? "")
        retiring.removeAll { $0.pending == 0 }
        guard let new = try? AresChannel(executor: executor, servers: servers) else { return }  // ENOMEM: keep the old one
        if channel.pending > 0 { retiring.append(channel) }
        channel = new
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

    private func ask(
        _ start: @escaping (AresChannel, @escaping (AresChannel.Outcome) -> Void) -> Void
    ) async throws -> AresChannel.Outcome {
        let id = nextID
        nextID += 1
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                waiting[id] = continuation
                limit.admit(id) { start(self.channel) { self.finished(id, $0) } }
            }
        } onCancel: {
            // The one bare task: a cancellation handler is synchronous, and the queue belongs to the actor.
            Task { await self.cancelled(id) }
        }
    }

    private func finished(_ id: UInt64, _ outcome: AresChannel.Outcome) {
        waiting.removeValue(forKey: id)?.resume(returning: outcome)  // nobody waits for one that was cancelled
        limit.ended()?()
        retiring.removeAll { $0.pending == 0 }
    }

    private func cancelled(_ id: UInt64) {
        _ = limit.withdraw(id)  // one that has started ends by itself: ares_cancel would end everybody's
        waiting.removeValue(forKey: id)?.resume(throwing: CancellationError())
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
        default:
            self = .failed(unsafe String(cString: ares_strerror(outcome.status)))
        }
    }
}
