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

    /// Whether lines are wanted. From any thread.
    var isWanted: Bool { isOn.load(ordering: .relaxed) }

    /// An endpoint whose socket nobody has asked for its name is told by its plan's `address`, or by its number.
    func write(_ event: csp_event, _ address: @autoclosure () -> SocketAddress?) {
        guard isWanted else { return }
        var metadata: Logger.Metadata = [
            "reason": "\(event.reason.words)",
            "duration": "\(Duration.nanoseconds(event.elapsed_ns).goText)",
            "bytes_up": .stringConvertible(Int(clamping: event.bytes_up)),
            "bytes_down": .stringConvertible(Int(clamping: event.bytes_down)),
        ]
        if event.joined_after_us != .max {
            metadata["joined_after"] = "\(Duration.microseconds(event.joined_after_us).goText)"
        }
        if let client = event.client.named { metadata["client"] = "\(client)" }
        if let address = event.upstream.named ?? address() {
            metadata["address"] = "\(address)"
        } else if event.endpoint != CSP_ENDPOINT_NONE {
            metadata["endpoint"] = .stringConvertible(Int(event.endpoint))
        }
        if event.error != 0 { metadata["error"] = "\(SystemError.name(of: event.error))" }
        logger.info("session ended", metadata: metadata)
    }
}

extension csp_address {
    /// The address, where the data plane knew it.
    fileprivate var named: SocketAddress? {
        let address = SocketAddress(self)
        return port == 0 || address.ip.isUnspecified ? nil : address
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
