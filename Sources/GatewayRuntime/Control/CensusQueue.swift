internal import Gateway

/// Who waits for a list of the live sessions. However many ask and however often, one census is under way at a time and few
/// begin in a second: each costs the loops two or three system calls for each session, and clients' bytes wait meanwhile.
struct CensusQueue {
    typealias Receiver = @Sendable (SessionFindings) -> Void

    /// What is to be done now.
    enum Step: Equatable {
        /// Nothing: who asked is served with others.
        case wait
        /// Look again at this instant.
        case lookAgain(at: Instant)
        /// Begin a census, for all that ``takeReceivers()`` gives.
        case begin
    }

    /// From one begin to the next.
    static let pause = Duration.milliseconds(200)
    /// More do not wait at a time: while a loop is stuck, those who gave up are still here.
    static let most = 256

    private var receivers: [Receiver] = []
    private var begun: Instant?
    private var isUnderWay = false
    private var isTimed = false

    /// Somebody wants the sessions.
    mutating func asked(by receiver: @escaping Receiver, at now: Instant) -> Step {
        if receivers.count < Self.most { receivers.append(receiver) }
        return step(at: now)
    }

    /// The instant has come.
    mutating func lookedAgain(at now: Instant) -> Step {
        isTimed = false
        return step(at: now)
    }

    /// The census that was begun is over.
    mutating func finished(at now: Instant) -> Step {
        isUnderWay = false
        return step(at: now)
    }

    /// Those for whom a census begins.
    mutating func takeReceivers() -> [Receiver] {
        defer { receivers = [] }
        return receivers
    }

    private mutating func step(at now: Instant) -> Step {
        guard !receivers.isEmpty, !isUnderWay, !isTimed else { return .wait }
        if let begun, now < begun + Self.pause {
            isTimed = true
            return .lookAgain(at: begun + Self.pause)
        }
        (begun, isUnderWay) = (now, true)
        return .begin
    }
}
