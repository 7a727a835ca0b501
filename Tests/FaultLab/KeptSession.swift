/// Client (b): keeps its connection, asks 200 ms after the last answer, waits as long as it takes, and connects again
/// only when the connection has ended.
final class KeptSession: LabClient {
    typealias Instant = ContinuousClock.Instant

    static let interval = Duration.milliseconds(200)
    /// Between attempts to connect, where one has failed at once.
    static let reconnectDelay = Duration.milliseconds(50)

    private let target: ClientTarget
    private var connection: Connection?
    private var hasBeenAnswered = false
    private var isWaiting = false
    /// When the next request, or the next attempt to connect, is due.
    private var nextAt: Instant

    init(_ target: ClientTarget) {
        self.target = target
        nextAt = .now
    }

    var connections: [Connection] { connection.map { [$0] } ?? [] }

    func advance(at now: Instant, _ records: inout ClientRecords) -> Instant {
        if let connection {
            takeAnswer(from: connection, at: now, &records)
            noticeEnd(of: connection, at: now, &records)
        }
        if now >= nextAt && !isWaiting {
            ask()
        }
        return isWaiting ? now + Self.interval : nextAt
    }

    private func takeAnswer(from connection: Connection, at now: Instant, _ records: inout ClientRecords) {
        guard isWaiting, let answer = HTTPAnswer(connection.received), answer.isComplete else { return }
        connection.consume(answer.length)
        isWaiting = false
        nextAt = now + Self.interval
        let isGood = answer.status == 200
        hasBeenAnswered = hasBeenAnswered || isGood
        records.kept.append(
            ClientRecords.Event(
                at: now, kind: isGood ? .answered(member: answer.member) : .rejected(status: answer.status)))
    }

    private func noticeEnd(of connection: Connection, at now: Instant, _ records: inout ClientRecords) {
        guard let ending = connection.ending else { return }
        let text = "\(ending)"
        records.kept.append(ClientRecords.Event(at: now, kind: hasBeenAnswered ? .ended(text) : .failedAgain(text)))
        nextAt = hasBeenAnswered ? now : now + Self.reconnectDelay
        self.connection = nil
        hasBeenAnswered = false
        isWaiting = false
    }

    private func ask() {
        isWaiting = true
        if let connection {
            connection.send(EtcdRequest.read)
        } else {
            connection = target.connection(sending: EtcdRequest.read)
            isWaiting = connection != nil
        }
    }
}
