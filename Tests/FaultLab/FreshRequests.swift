/// Client (a): a request every 50 ms, each on a connection of its own, none waiting for another.
final class FreshRequests: LabClient {
    typealias Instant = ContinuousClock.Instant

    typealias RequestList = WritableKeyPath<ClientRecords, [ClientRecords.Request]> & Sendable

    static let interval = Duration.milliseconds(50)
    /// After this a request has failed: longer than the gateway may hold a client.
    static let patience = Duration.seconds(15)

    private struct Open {
        let connection: Connection
        let record: Int
        let giveUpAt: Instant
    }

    private let target: ClientTarget
    private let list: any RequestList
    private var open: [Open] = []
    private var nextAt: Instant

    /// - Parameter list: where its requests are recorded.
    init(_ target: ClientTarget, recordedIn list: any RequestList) {
        self.target = target
        self.list = list
        nextAt = .now
    }

    var connections: [Connection] { open.map(\.connection) }

    func advance(at now: Instant, _ records: inout ClientRecords) -> Instant {
        open.removeAll { settle($0, at: now, &records) }
        if now >= nextAt {
            records.lateness.append((now, now - nextAt))
            start(at: now, &records)
            nextAt = max(nextAt + Self.interval, now)
        }
        return nextAt
    }

    private func start(at now: Instant, _ records: inout ClientRecords) {
        guard let connection = target.connection(sending: EtcdRequest.readAndClose) else { return }
        open.append(
            Open(connection: connection, record: records[keyPath: list].count, giveUpAt: now + Self.patience))
        records[keyPath: list].append(ClientRecords.Request(startedAt: now))
    }

    /// Whether `request` is over.
    private func settle(_ request: Open, at now: Instant, _ records: inout ClientRecords) -> Bool {
        var member: UInt64?
        var failure: String?
        if let answer = HTTPAnswer(request.connection.received), answer.isComplete {
            member = answer.member
            failure = answer.status == 200 ? nil : "status \(answer.status)"
        } else if let ending = request.connection.ending {
            failure = "\(ending)"
        } else if now >= request.giveUpAt {
            failure = "no answer in \(Self.patience)"
        } else {
            return false
        }
        records[keyPath: list][request.record].endedAt = now
        records[keyPath: list][request.record].member = member
        records[keyPath: list][request.record].failure = failure
        return true
    }
}
