internal import Gateway
internal import Logging

/// The end of serving: accepts no more, and lets open sessions go as the settings say.
struct Leaving: Sendable {
    let executor: EventExecutor
    let control: Control
    let plane: DataPlane
    let listeners: Listeners
    let reloading: Reloading
    let supervision: Supervision?
    let store: SessionStore?
    let logger: Logger

    /// Returns when nobody is left, when their time is over, or when the surrounding task is cancelled. Whoever is left then
    /// is reset with the plane.
    func leave() async {
        let settings = await reloading.close()
        let kept = store.flatMap { $0.isKept ? $0 : nil }
        let departure = Departure(settings, isStored: kept != nil)
        if case .atOnce = departure, let kept {
            logger.info("stopping; sessions are left in the store")
            await leave(to: kept)
            await supervision?.stopping()
            return
        }
        await listeners.closeAll()
        let sessions = Int(clamping: plane.sessions)
        guard case .drained(let limit) = departure, sessions > 0 else {
            logger.info("stopping")
            await supervision?.stopping()
            return
        }
        logger.info(
            "stopping", metadata: ["sessions": .stringConvertible(sessions), "drain_timeout": "\(limit.goText)"])
        let deadline = MonotonicClock.now() + limit
        await control.stops(at: deadline)
        await supervision?.stopping(within: limit)
        await wait(until: deadline)
    }

    /// Stores all that is not stored yet. What the store has, the next process continues; if there is none, whoever has the
    /// store ends it.
    private func leave(to store: SessionStore) async {
        await store.holdGrowth()
        plane.stop()
        await control.note()
        do throws(SystemError) {
            try store.leave()
        } catch {
            logger.error("not all sessions could be stored", metadata: ["error": "\(error)"])
        }
        plane.abandon()
    }

    private func wait(until deadline: Instant) async {
        let (plane, supervision) = (plane, supervision)
        let farewell = Farewell(
            executor: executor, sessions: { plane.sessions },
            looked: { supervision?.assumeIsolated { $0.standingMayHaveChanged() } })
        let end = await farewell.wait(until: deadline)
        let left: Logger.Metadata = ["sessions": .stringConvertible(Int(clamping: plane.sessions))]
        switch end {
        case .allLeft: logger.info("the last session has ended")
        case .timeIsOver: logger.warning("the time to end is over; what sessions are left is reset", metadata: left)
        case .cutShort: logger.warning("told to end now; what sessions are left is reset", metadata: left)
        }
    }
}
