internal import Gateway
internal import Logging

/// Puts notices into words. Where `etcd gateway` has a message for the same thing, its words and keys are kept.
struct NoticeLog {
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    func write(_ line: NoticePace.Line) {
        var logger = logger
        if line.suppressed > 0 { logger[metadataKey: "suppressed"] = .stringConvertible(line.suppressed) }
        write(line.notice, logger)
    }

    private func write(_ notice: Notice, _ logger: Logger) {
        switch notice {
        case .endpointAdded(let key):
            logger.info("endpoint known", metadata: ["address": "\(key)"])
        case .endpointMissing(let key):
            logger.warning(
                "endpoint no longer listed; it gets no new session while others are left",
                metadata: ["address": "\(key)"])
        case .endpointDraining(let key, let grace):
            logger.warning(
                "endpoint removed; its sessions end", metadata: ["address": "\(key)", "grace": "\(grace.goText)"])
        case .endpointRemoved(let key):
            logger.info("endpoint forgotten", metadata: ["address": "\(key)"])
        case .endpointTakenOut(let key, let grace):
            logger.warning(
                "endpoint is out of service; it gets no new session while another is good, its sessions end",
                metadata: ["address": "\(key)", "grace": "\(grace.goText)"])
        case .endpointPutBack(let key):
            logger.info("endpoint is in service again", metadata: ["address": "\(key)"])
        case .lastOneServes(let key):
            logger.warning(
                "endpoint is out of service but serves, for no other is good", metadata: ["address": "\(key)"])
        case .endpointDown(let key, let trouble):
            logger.warning("deactivated endpoint", metadata: ["address": "\(key)", "error": "\(trouble.words)"])
        case .endpointUp(let key):
            logger.info("activated", metadata: ["address": "\(key)"])
        case .pinned(let key):
            logger.info("new sessions go to", metadata: ["address": "\(key)"])
        case .rebalancing(let key, let perMinute):
            logger.info(
                "sessions belong elsewhere and are reset, a few at a time",
                metadata: ["address": "\(key)", "per_minute": .stringConvertible(perMinute)])
        case .rebalanced(let moved):
            logger.info("sessions are where they belong", metadata: ["moved": .stringConvertible(moved)])
        case .nobodyLeft:
            logger.error("no endpoint answers; clients are held, every endpoint is tried")
        case .somebodyBack:
            logger.info("an endpoint answers again")
        case .discoveryFailing(let name, let reason):
            logger.warning(
                "DNS gives no usable answer; what was known stays", metadata: ["name": "\(name)", "error": "\(reason)"])
        case .discoveryRecovered(let name):
            logger.info("DNS answers again", metadata: ["name": "\(name)"])
        case .discoveryIsPlain(let name):
            logger.warning(
                "discovered endpoints are not authenticated: only records for connections without TLS exist",
                metadata: ["name": "\(name)"])
        case .usingRememberedEndpoints:
            logger.info("until DNS answers, the endpoints of the last run serve")
        case .usingConfiguredEndpoints:
            logger.warning("DNS names no endpoint; the configured endpoints serve")
        case .endpointVerified(let key, let address):
            logger.info(
                "discovered endpoint has shown a valid certificate",
                metadata: ["endpoint": "\(key)", "address": "\(address)"])
        case .endpointRefused(let key, let address, let reason):
            logger.error(
                "discovered endpoint refused: it has shown a wrong certificate",
                metadata: ["endpoint": "\(key)", "address": "\(address)", "error": "\(reason)"])
        case .endpointUnverified(let key, let address, let failure):
            logger.warning(
                "discovered endpoint is unverified, retrying",
                metadata: ["endpoint": "\(key)", "address": "\(address)", "error": "\(failure.words)"])
        case .loopAvoided(let key, let address):
            logger.error(
                "endpoint leads back to the gateway itself; it is never dialed",
                metadata: ["endpoint": "\(key)", "address": "\(address)"])
        }
    }
}

extension EndpointTrouble {
    /// For a log line.
    var words: String {
        switch self {
        case .silent(let failure): failure.words
        case .unhealthy(let reason): "unhealthy: \(reason)"
        }
    }
}

extension DialFailure {
    /// For a log line.
    var words: String {
        switch self {
        case .refused: "connection refused"
        case .unreachable: "unreachable"
        case .timedOut: "no answer in time"
        case .local: "this machine ran short of something"
        }
    }
}
