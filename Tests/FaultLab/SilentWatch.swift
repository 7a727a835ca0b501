/// Client (c): a watch of a key that nobody writes, on one certain member. It sends nothing and expects nothing, so
/// only the proxy can know that its member is dead. It does not come back.
final class SilentWatch: LabClient {
    typealias Instant = ContinuousClock.Instant

    /// With one member in three, 30 attempts miss it once in 200,000 times.
    static let attempts = 30

    private let target: ClientTarget
    private let member: UInt64
    private var connection: Connection?
    /// Watches on other members: kept until the right one is found, for a proxy that counts sessions would else give
    /// the same member again and again.
    private var others: [Connection] = []
    private var isEstablished = false

    /// - Parameter member: the member that it wants to watch.
    init(_ target: ClientTarget, on member: UInt64) {
        self.target = target
        self.member = member
        connection = target.connection(sending: EtcdRequest.silentWatch)
    }

    var connections: [Connection] { connection.map { [$0] } ?? [] }

    func advance(at now: Instant, _ records: inout ClientRecords) -> Instant {
        if let connection {
            if !isEstablished, let answer = HTTPAnswer(connection.received), let found = answer.member {
                settle(connection, on: found, at: now, &records)
            }
            if let ending = connection.ending {
                records.silent.append(
                    ClientRecords.Event(
                        at: now, kind: isEstablished ? .ended("\(ending)") : .failedAgain("\(ending)")))
                self.connection = nil
                others = []
            }
        }
        return now + .seconds(1)
    }

    private func settle(
        _ connection: Connection, on found: UInt64, at now: Instant, _ records: inout ClientRecords
    ) {
        if found == member {
            isEstablished = true
            others = []
            records.silent.append(ClientRecords.Event(at: now, kind: .answered(member: found)))
        } else if others.count < Self.attempts {
            others.append(connection)
            self.connection = target.connection(sending: EtcdRequest.silentWatch)
        } else {
            self.connection = nil
            others = []
            records.silent.append(ClientRecords.Event(at: now, kind: .failedAgain("never reached the member")))
        }
    }
}
