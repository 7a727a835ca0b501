internal import CLinux
internal import Gateway
internal import Glibc
internal import Logging
internal import Synchronization

/// All that a hand-over takes along.
final class Heir: Sendable {
    private let control: Control
    private let plane: DataPlane
    private let listeners: Listeners
    private let reloading: Reloading
    private let turnover: Turnover
    private let logger: Logger
    /// Where sessions are stored: by the manager, or since the first attempt to hand over.
    private let store: Mutex<SessionStore?>

    init(
        control: Control, plane: DataPlane, listeners: Listeners, store: SessionStore?, reloading: Reloading,
        turnover: Turnover, logger: Logger
    ) {
        (self.control, self.plane, self.listeners, self.logger) = (control, plane, listeners, logger)
        (self.reloading, self.turnover) = (reloading, turnover)
        self.store = Mutex(store)
    }

    /// Lets the installed program say whether it is fit, stores everything, and becomes that program. Where anything fails
    /// this process goes on as before.
    func take(over program: Program) async {
        let ability: Fitness.Ability
        do {
            let table = try store.withLock { $0 }?.copyOfTable() ?? SessionStore.emptyTable()
            ability = try await Fitness.prove(program, with: Descriptor(owning: table))
        } catch {
            logger.error(
                "the installed program is not fit to take over; nothing has changed", metadata: ["error": "\(error)"])
            return
        }
        // A reload that closes a listener, or opens one, comes before or after.
        do throws(SettingsSource.Trouble) {
            try await reloading.exclude { [self] in await become(program, ability) }
        } catch {
            for line in error.lines { refuse(line) }
        }
    }

    private func refuse(_ reason: String) {
        logger.error("cannot hand over; this process goes on", metadata: ["error": "\(reason)"])
    }

    private func become(_ program: Program, _ ability: Fitness.Ability) async {
        guard turnover.beginHandOver() else { return }  // told to stop meanwhile
        defer { turnover.endHandOver() }
        let error: SystemError
        do throws(SystemError) {
            let store = try await openStore()
            await store.holdGrowth()
            defer { store.releaseGrowth() }
            try await store.storeMost()
            error = await handOver(to: program, ability, store)
        } catch let failure {
            error = failure
        }
        refuse("\(error)")
    }

    /// The store that there is, or a new one: the loops rest for a moment while it comes.
    private func openStore() async throws(SystemError) -> SessionStore {
        if let store = store.withLock({ $0 }) { return store }
        let new = try startStoring()
        await control.use(new)
        return new
    }

    private func startStoring() throws(SystemError) -> SessionStore {
        plane.stop()
        defer { goOn() }
        let new = try SessionStore.open(forSuccessionOf: plane, logger: logger)
        store.withLock { $0 = new }
        return new
    }

    /// Returns only where it fails. Clients wait from the first line to the last, and until the program serves.
    private func handOver(to program: Program, _ ability: Fitness.Ability, _ store: SessionStore) async -> SystemError {
        logger.info("handing over to the installed program", metadata: ["program": "\(program.path)"])
        plane.stop()
        // What is stored for the other one is stored for later.
        defer {
            plane.stay()
            goOn()
        }
        let listening = await listeners.descriptors
        let handover = await control.handover
        do throws(SystemError) {
            try store.leave(toHeir: true)
            try store.write(handover)
            let passed = store.descriptors + listening
            clinux_inherit_none()  // libraries open some without the mark: the admin server's listeners
            for one in passed {
                try checkErrno("pass descriptor \(one.descriptor) on", clinux_set_inherited(one.descriptor, 1))
            }
            let held = ability.takesHeld ? plane.hold() : 0
            let error = turnover.unlessStopped {
                program.become(
                    adding: PassedDescriptor.handoverVariable,
                    PassedDescriptor.handover(passed, held: held, ownProcess: getpid()))
            }
            for one in passed { _ = clinux_set_inherited(one.descriptor, 0) }  // it was ours a moment ago
            return error
        } catch {
            return error
        }
    }

    /// The loops go on where they were.
    private func goOn() {
        do throws(SystemError) {
            try plane.start()
        } catch {
            logger.critical("cannot hand over, and cannot go on", metadata: ["error": "\(error)"])
            exit(1)
        }
    }
}
