internal import Gateway
internal import Logging

// What the next process is to know, wherever this one ends.
extension Control {
    /// What has changed is noted so much later, with all that changes meanwhile.
    private static let notePause = Duration.seconds(1)

    func noteSoon() {
        noteTimer = executor.schedule(at: MonotonicClock.now() + Self.notePause) { [weak self] in
            self?.assumeIsolated {
                $0.noteTimer = nil
                $0.note()
            }
        }
    }

    /// Notes it now.
    func note() { note(totals) }

    /// Notes it now, with these totals.
    func note(_ totals: Totals) {
        guard let store else { return }
        do throws(SystemError) {
            try store.write(handover(with: totals))
        } catch {
            logger.warning("the next process will not know what is known now", metadata: ["error": "\(error)"])
        }
    }

    /// What is known now.
    var handover: Handover { handover(with: totals) }

    private func handover(with totals: Totals) -> Handover {
        var handover = machine.handover(at: MonotonicClock.now())
        handover.totals = totals
        return handover
    }
}

extension ControlMachine.Action {
    /// Whether it tells of something that a note holds.
    var isWorthANote: Bool {
        switch self {
        case .publish, .tell: true
        case .ask, .probe, .verify, .resetSessions, .save: false
        }
    }
}
