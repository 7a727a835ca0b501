internal import Gateway
internal import Logging

/// Keeps the service manager informed: ready, how it stands, that all loops make progress, stopping. Lives on the control
/// loop, so that a control loop which is stuck feeds no watchdog.
actor Supervision {
    /// A thread that must make progress.
    struct Watched: Sendable {
        /// How often it has come round.
        var rounds: @Sendable () -> UInt64
        /// Makes it come round once more.
        var wake: @Sendable () -> Void
    }

    /// Without a watchdog the figures are looked at as often as this.
    private static let lookEvery = Duration.seconds(5)
    /// The status is sent at most this often.
    private static let statusPace = Duration.seconds(1)

    /// So much longer than the sessions the process may take to end.
    private static let reserve = Duration.seconds(10)

    private let executor: EventExecutor
    private let notify: NotifySocket
    private let watchdog: Duration?
    private let watched: [Watched]
    private let standing: @Sendable () -> Standing
    private let logger: Logger

    private var liveness = Liveness()
    private var stuck: [Int] = []
    private var told: (status: String, at: Instant)?
    private var look: EventExecutor.TimerID?
    private var laterStatus: EventExecutor.TimerID?
    private var trouble = Pace()

    // unsafe: an unowned reference to the executor, which the actor holds, and its thread while it runs a job.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// `standing` is called on the control loop.
    init(
        executor: EventExecutor, notify: NotifySocket, watchdog: Duration?, watched: [Watched], logger: Logger,
        standing: @escaping @Sendable () -> Standing
    ) {
        self.executor = executor
        self.notify = notify
        self.watchdog = watchdog
        self.watched = watched
        self.logger = logger
        self.standing = standing
    }

    /// Clients are served from now on.
    func started() {
        let status = "\(standing())"
        told = (status, MonotonicClock.now())
        send([.ready, .status(status)])
        lookAround()
    }

    /// Something may be different: the status is sent if it is, now or as soon as the pace allows.
    func standingMayHaveChanged() {
        guard let told, laterStatus == nil else { return }
        let (now, due) = (MonotonicClock.now(), told.at + Self.statusPace)
        guard due > now else { return sendStatus() }
        laterStatus = executor.schedule(at: due) { [weak self] in
            self?.assumeIsolated {
                $0.laterStatus = nil
                $0.sendStatus()
            }
        }
    }

    /// Settings are read again; until ``reloaded()`` the manager waits.
    func reloading() {
        guard told != nil else { return }
        send([.reloading(since: MonotonicClock.now())])
    }

    /// The reload is over, whatever came of it.
    func reloaded() {
        guard told != nil else { return }
        send([.ready])
    }

    /// The end has begun. Where it takes a while, the manager is told how long it may, and the status goes on; else nothing
    /// is told any more.
    func stopping(within limit: Duration? = nil) {
        guard told != nil else { return }
        let status = "\(standing())"
        guard let limit else {
            close()
            return send([.stopping, .status("stopping")])
        }
        told = (status, MonotonicClock.now())
        send([.stopping, .needsTime(limit + Self.reserve), .status(status)])
    }

    /// Nothing is told any more.
    func close() {
        if let look { executor.cancel(look) }
        if let laterStatus { executor.cancel(laterStatus) }
        (look, laterStatus, told) = (nil, nil, nil)
    }

    /// Looks after the status, and at half the watchdog's time whether every loop has come round since the last look.
    private func lookAround() {
        let pause = watchdog.map(feed(watchdog:)) ?? Self.lookEvery
        standingMayHaveChanged()
        look = executor.schedule(at: MonotonicClock.now() + pause) { [weak self] in
            self?.assumeIsolated { $0.lookAround() }
        }
    }

    /// Feeds the watchdog, or says who is stuck; returns when to look again.
    private func feed(watchdog: Duration) -> Duration {
        let stuck = liveness.looked(watched.map { $0.rounds() })
        if stuck.isEmpty { send([.alive]) }
        tell(stuck)
        for thread in watched { thread.wake() }
        let pause = min(watchdog / 2, Self.lookEvery)
        // A loop that was late may still be in time: it is looked at again before the watchdog bites.
        return stuck.isEmpty ? pause : pause / 4
    }

    private func tell(_ stuck: [Int]) {
        guard stuck != self.stuck else { return }
        self.stuck = stuck
        if stuck.isEmpty {
            logger.info("all loops make progress again")
        } else {
            logger.critical(
                "loops make no progress; the watchdog is not fed until they do",
                metadata: ["loops": .array(stuck.map { .stringConvertible($0) })])
        }
    }

    private func sendStatus() {
        let status = "\(standing())"
        guard let told, told.status != status else { return }
        self.told = (status, MonotonicClock.now())
        send([.status(status)])
    }

    /// A manager that cannot be told must not stop us; it is one line a minute.
    private func send(_ notifications: [ServiceNotification]) {
        do throws(SystemError) {
            try notify.send(notifications)
        } catch {
            trouble.write(at: MonotonicClock.now()) { suppressed in
                logger.warning(
                    "the service manager does not hear us",
                    metadata: ["error": "\(error)", "suppressed": .stringConvertible(suppressed)])
            }
        }
    }
}
