internal import Gateway
internal import NIOCore
internal import NIOSSL

/// Asks members about their health, on connections that are kept between probes. Lives on the control loop.
actor HTTPProbe {
    /// Who is asked: probes of different kinds and names have connections of their own.
    private struct Member: Hashable {
        var address: Gateway.SocketAddress
        var host: String?
        var isSecure: Bool
    }

    /// What is known of a member between probes.
    private struct Memory {
        var connection: HTTPConnection?
        /// etcd before 3.5.19 has no check of its own for the role.
        var lacksRolePath = false
        /// When it was known to vote. A voting member stays one as long as its process lives, and so its connection.
        var voterSince: Instant?
        /// After a role that could not be read it is left alone for a while.
        var noRoleBefore: Instant?
    }

    /// How long a new connection believes what the one before it knew of the role, which takes `/metrics` to ask.
    private static let roleLasts = Duration.seconds(60)
    private static let rolePause = Duration.seconds(300)
    private static let timeout = TimeAmount.milliseconds(500)

    private let executor: EventExecutor
    private let loop: ProbeLoop
    private var contexts: TLSContextSource
    private var memories: [Member: Memory] = [:]

    // unsafe: an unowned reference to the executor, which the actor holds, and its thread while it runs a job.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    init(executor: EventExecutor, loop: ProbeLoop, files: TLSFiles) {
        self.executor = executor
        self.loop = loop
        contexts = TLSContextSource(files)
    }

    /// Probes one address without encryption, on the connection that was kept unless a fresh one is wanted.
    func probe(_ address: Gateway.SocketAddress, isFresh: Bool) async -> ProbeFinding {
        let member = Member(address: address, host: nil, isSecure: false)
        if isFresh { closeConnection(of: member) }
        return await probe(member, tls: nil)
    }

    /// Probes one address through TLS; `host` is the server's name where it has one. `nil` where our own files are the
    /// trouble, and nobody was asked.
    func probeSecurely(_ address: Gateway.SocketAddress, host: String?, isFresh: Bool) async -> ProbeFinding? {
        guard let tls = try? contexts.context() else { return nil }
        let member = Member(address: address, host: host, isSecure: true)
        if isFresh { closeConnection(of: member) }
        return await probe(member, tls: tls)
    }

    /// New connections go by these files from now on, as they are now.
    func use(_ files: TLSFiles) {
        contexts = TLSContextSource(files)
    }

    /// Closes the connections to all other addresses.
    func keep(only addresses: Set<Gateway.SocketAddress>) {
        for (member, memory) in memories where !addresses.contains(member.address) {
            memory.connection?.close()
            memories[member] = nil
        }
    }

    private func closeConnection(of member: Member) {
        memories[member]?.connection.take()?.close()
    }

    private func probe(_ member: Member, tls: NIOSSLContext?) async -> ProbeFinding {
        do throws(ProbeEnd) {
            let deadline = NIODeadline.now() + Self.timeout
            var (connection, isNew, answer) = try await ask(member, tls: tls, by: deadline)
            var outcome = HealthAnswer.outcome(status: answer.status, body: answer.body)
            if outcome == .http(.healthy), answer.keepsAlive, await isLearner(member, connection) == true {
                outcome = .http(.unhealthy(.learner))
            }
            keep(&connection, of: member, if: answer.keepsAlive)
            return ProbeFinding(outcome, at: member.address, dialTime: isNew ? connection.dialTime : nil)
        } catch {
            return ProbeFinding(error.outcome, at: member.address)
        }
    }

    /// Asks on the kept connection, and on a new one where there is none or the member has closed it meanwhile.
    private func ask(
        _ member: Member, tls: NIOSSLContext?, by deadline: NIODeadline
    ) async throws(ProbeEnd) -> (HTTPConnection, isNew: Bool, HTTPExchange.Answer) {
        // Taken, so that a second probe at the same time has a connection of its own.
        if let kept = memories[member]?.connection.take(), kept.isOpen {
            do throws(ProbeEnd) {
                return (kept, false, try await health(kept, by: deadline))
            } catch {
                kept.close()
                guard case .failed(.refused, _) = error.outcome, !Task.isCancelled else { throw error }
            }
        }
        forgetOldRole(of: member)
        let connection = try await HTTPConnection.open(
            to: member.address, host: member.host, tls: tls, by: deadline, on: loop)
        do throws(ProbeEnd) {
            return (connection, true, try await health(connection, by: deadline))
        } catch {
            connection.close()
            throw error
        }
    }

    private func health(
        _ connection: HTTPConnection, by deadline: NIODeadline
    ) async throws(ProbeEnd) -> HTTPExchange.Answer {
        try await connection.get(HealthAnswer.path, bytesMax: HealthAnswer.bytesMax, by: deadline)
    }

    private func keep(_ connection: inout HTTPConnection, of member: Member, if keepsAlive: Bool) {
        guard keepsAlive, connection.isOpen, memories[member]?.connection == nil else {
            connection.close()
            return
        }
        memories[member, default: Memory()].connection = connection
    }

    private func forgetOldRole(of member: Member) {
        guard let since = memories[member]?.voterSince, MonotonicClock.now() - since > Self.roleLasts else { return }
        memories[member]?.voterSince = nil
    }

    /// `nil` where nothing can be known.
    private func isLearner(_ member: Member, _ connection: HTTPConnection) async -> Bool? {
        let memory = memories[member] ?? Memory()
        let now = MonotonicClock.now()
        if memory.voterSince != nil || memory.noRoleBefore.map({ now < $0 }) == true { return nil }
        let deadline = NIODeadline.now() + Self.timeout
        let isLearner = try? await readRole(member, connection, by: deadline)
        var updated = memories[member] ?? Memory()
        updated.voterSince = isLearner == false ? now : nil
        updated.noRoleBefore = isLearner == nil ? now + Self.rolePause : nil
        memories[member] = updated
        return isLearner
    }

    private func readRole(
        _ member: Member, _ connection: HTTPConnection, by deadline: NIODeadline
    ) async throws(ProbeEnd) -> Bool? {
        if memories[member]?.lacksRolePath != true {
            let ready = try await connection.get(
                RoleAnswer.readyPath, bytesMax: HealthAnswer.bytesMax, by: deadline)
            if let isLearner = RoleAnswer.isLearner(readyStatus: ready.status) { return isLearner }
            memories[member, default: Memory()].lacksRolePath = true
        }
        let metrics = try await connection.get(
            RoleAnswer.metricsPath, bytesMax: RoleAnswer.metricsBytesMax, by: deadline)
        return metrics.status == 200 ? RoleAnswer.isLearner(metrics: metrics.body) : nil
    }
}
