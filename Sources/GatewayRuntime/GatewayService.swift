internal import CSplice
public import Gateway
internal import Glibc
public import Logging
public import ServiceLifecycle

/// The gateway as a service: opens its listeners, serves until it is asked to stop, and leaves nothing open.
public struct GatewayService: Service {
    private let settings: Settings
    private let logger: Logger

    /// How long the ready line waits for DNS to name endpoints; clients are served from the start in any case.
    private static let patienceForReadyLine = Duration.seconds(2)

    /// A gateway for these settings.
    public init(settings: Settings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// Serves until graceful shutdown or cancellation. Throws ``SystemError`` where it cannot start.
    ///
    /// What is opened last is closed first: loops, which tell the control plane; the control plane; the resolver; the
    /// thread on which both live, and after which nobody may wait for it.
    public func run() async throws {
        let executor = try EventExecutor()
        let thread = try SystemThread(name: "control") { executor.run() }
        defer {
            executor.stop()
            thread.join()
        }
        let resolver = Resolver(executor: executor, servers: settings.dnsServers)
        try await Self.run {
            try await resolver.open()
            try await run(executor, resolver)
        } finally: {
            await resolver.close()
        }
    }

    private func run(_ executor: EventExecutor, _ resolver: Resolver) async throws {
        let options = ControlOptions(settings)
        let published = PublishedPlan(.empty(options))
        let held = HeldClients()
        let control = Control(
            executor: executor, options: options, resolver: resolver, published: published, held: held,
            files: TLSFiles(settings), stateFile: settings.stateDirectory.map(StateFile.init(directory:)),
            logger: logger)
        let plane = try DataPlane(
            options: try dataPlaneOptions(), plan: published, held: held,
            accessLog: settings.accessLog ? AccessLog(logger: logger) : nil, report: { control.tell($0) })
        let listeners = try await listen(plane, resolver)
        try plane.start()
        defer { plane.stop() }
        try await Self.run {
            await control.start(runners: plane.runners, listeners: listeners)
            try await serve(control)
        } finally: {
            await control.close()
        }
    }

    /// Runs a body, and afterwards what ends it, whether it threw or not.
    private static func run(_ body: () async throws -> Void, finally end: () async -> Void) async throws {
        do {
            try await body()
        } catch {
            await end()
            throw error
        }
        await end()
    }

    private func serve(_ control: Control) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await control.run() }
            group.addTask { await tellReady(control) }
            try await gracefulShutdown()
            logger.info("stopping")
            group.cancelAll()
        }
    }

    /// The line for which scripts wait, with the endpoints as far as they are known by then.
    private func tellReady(_ control: Control) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await Task.sleep(for: Self.patienceForReadyLine)
                await control.stopWaiting()
            }
            await control.endpointsKnown()
            group.cancelAll()
        }
        guard !Task.isCancelled else { return }
        let endpoints = await control.endpointTexts
        logger.info(
            "ready to proxy client requests",
            metadata: [
                "endpoints": .array(endpoints.map { "\($0)" }),
                "listen": .array(settings.listenAddresses.map { "\($0)" }),
            ])
    }

    private func dataPlaneOptions() throws -> csp_options {
        var options = csp_options_default()
        let descriptors = try Limits.raiseDescriptors()
        options.loops = settings.loops.map { UInt32(clamping: $0) } ?? Limits.defaultLoops()
        options.max_descriptors = Limits.descriptorsForSessions(of: descriptors)
        options.max_sessions = settings.maximumSessions.map { UInt32(clamping: $0) } ?? options.max_descriptors / 2
        options.pipe_pages = Limits.pipePages()
        options.keepalive_s = UInt32(clamping: settings.keepalive.components.seconds)
        options.user_timeout_ms = UInt32(clamping: (settings.userTimeout ?? .zero).wholeNanoseconds / 1_000_000)
        return options
    }

    /// Opens every listener, or none; returns the IP addresses.
    private func listen(_ plane: DataPlane, _ resolver: Resolver) async throws -> [SocketAddress] {
        var addresses: [SocketAddress] = []
        for address in settings.listenAddresses {
            for listener in try await open(address, plane, resolver) {
                if let bound = plane.address(ofListener: listener) { addresses.append(bound) }
            }
        }
        return addresses
    }

    private func open(_ address: ListenAddress, _ plane: DataPlane, _ resolver: Resolver) async throws -> [UInt32] {
        switch address {
        case .ip(let address): return [try plane.listen(on: address)]
        case .unix(let path): return [try plane.listen(onPath: path)]
        case .name(let name, let port):
            // The first address of the name, as the old gateway does it.
            guard let ip = await resolver.localAddress(of: name) else {
                throw StartError.unknownListenHost(name, port: port)
            }
            return [try plane.listen(on: SocketAddress(ip: ip, port: port))]
        }
    }
}

/// Why a gateway cannot start, beside what the system says.
public enum StartError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A listen address names a host that this machine does not know.
    case unknownListenHost(String, port: UInt16)

    /// One line with the way out.
    public var description: String {
        switch self {
        case .unknownListenHost(let name, let port):
            "cannot listen on \(name):\(port): neither /etc/hosts nor DNS has an address for \(name); give an address such as 127.0.0.1:\(port)"
        }
    }
}

extension DialPlan {
    /// Nobody to dial yet.
    fileprivate static func empty(_ options: ControlOptions) -> DialPlan {
        DialPlan(targets: [], good: 0, spread: 0, policy: options.policy, timing: options.timing)
    }
}
