internal import CSplice
internal import Gateway
internal import Logging
internal import Synchronization

/// One line for each session that ended, while that is wanted (`--access-log`).
final class AccessLog: Sendable {
    private let logger: Logger
    private let isOn: Atomic<Bool>

    /// On or off, until ``turn(on:)`` says otherwise.
    init(logger: Logger, isOn: Bool) {
        self.logger = logger
        self.isOn = Atomic(isOn)
    }

    /// From any thread.
    func turn(on isOn: Bool) { self.isOn.store(isOn, ordering: .relaxed) }

    /// An endpoint that no plan names any more is told by its number.
    func write(_ event: csp_event, _ address: @autoclosure () -> SocketAddress?) {
        guard isOn.load(ordering: .relaxed) else { return }
        var metadata: Logger.Metadata = [
            "reason": "\(event.reason.words)",
            "duration": "\(Duration.nanoseconds(event.elapsed_ns).goText)",
            "bytes_up": .stringConvertible(Int(clamping: event.bytes_up)),
            "bytes_down": .stringConvertible(Int(clamping: event.bytes_down)),
        ]
        if let address = address() {
            metadata["address"] = "\(address)"
        } else if event.endpoint != CSP_ENDPOINT_NONE {
            metadata["endpoint"] = .stringConvertible(Int(event.endpoint))
        }
        if event.error != 0 { metadata["error"] = "\(SystemError.name(of: event.error))" }
        logger.info("session ended", metadata: metadata)
    }
}

extension csp_end_reason {
    /// For a log line.
    var words: String {
        switch self {
        case .CSP_END_NONE: "none"
        case .CSP_END_FINISHED: "finished"
        case .CSP_END_CLIENT_LEFT: "client left before it was joined"
        case .CSP_END_DOWNSTREAM_RESET: "reset by client"
        case .CSP_END_UPSTREAM_RESET: "reset by endpoint"
        case .CSP_END_DOWNSTREAM_FAILED: "client failed"
        case .CSP_END_UPSTREAM_FAILED: "endpoint failed"
        case .CSP_END_ORDERED: "reset by gateway"
        case .CSP_END_SHORTAGE: "out of memory"
        }
    }
}
