internal import CLinux
internal import Gateway
internal import Glibc
internal import Logging

/// All that a hand-over takes along.
struct Heir: Sendable {
    let control: Control
    let plane: DataPlane
    let listeners: Listeners
    let reloading: Reloading
    let store: SessionStore?
    let turnover: Turnover
    let logger: Logger

    /// Lets the installed program say whether it is fit, stores everything, and becomes that program. Where anything fails
    /// this process goes on as before.
    func take(over program: Program) async {
        do {
            let table = try store?.copyOfTable() ?? SessionStore.emptyTable()
            try await Fitness.prove(program, with: Descriptor(owning: table))
        } catch {
            logger.error(
                "the installed program is not fit to take over; nothing has changed", metadata: ["error": "\(error)"])
            return
        }
        guard turnover.beginHandOver() else { return }  // told to stop meanwhile
        let error = await handOver(to: program)
        defer { turnover.endHandOver() }
        // The loops go on where they were: what was stored for the other one is stored for later.
        do throws(SystemError) {
            try plane.start()
            logger.error("cannot hand over; this process goes on", metadata: ["error": "\(error)"])
        } catch {
            logger.critical("cannot hand over, and cannot go on", metadata: ["error": "\(error)"])
            exit(1)
        }
    }

    /// Returns only where it fails.
    private func handOver(to program: Program) async -> SystemError {
        logger.info("handing over to the installed program", metadata: ["program": "\(program.path)"])
        plane.stop()
        let handover = await control.handover
        let listening = await listeners.descriptors
        do throws(SystemError) {
            let store = try storeForAll()
            try store.leave(toHeir: true)
            try store.write(handover)
            let passed = store.descriptors + listening
            for one in passed {
                try checkErrno("pass descriptor \(one.descriptor) on", clinux_set_inherited(one.descriptor, 1))
            }
            let error = turnover.unlessStopped {
                program.become(adding: PassedDescriptor.handoverVariable, PassedDescriptor.handover(passed))
            }
            for one in passed { _ = clinux_set_inherited(one.descriptor, 0) }  // it was ours a moment ago
            return error
        } catch {
            return error
        }
    }

    private func storeForAll() throws(SystemError) -> SessionStore {
        if let store { return store }
        return try SessionStore.open(forSuccessionOf: plane, logger: logger)
    }
}
