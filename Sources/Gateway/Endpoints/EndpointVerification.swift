/// Which addresses of a discovered endpoint have shown a certificate that proves them; only those are dialed.
public struct EndpointVerification: Equatable, Sendable {
    /// Where an address stands.
    public enum State: Equatable, Sendable {
        /// Not known; tried `failures` times in vain. Can transition to: verified, refused.
        case unverified(failures: Int)
        /// Proven, until it is asked again. Can transition to: refused.
        case verified
        /// Another certificate than the right one. Can transition to: verified.
        case refused
    }

    private struct Entry: Equatable {
        var state: State
        var due: Instant?  // nil while it is being asked
        var underWay = 0
    }

    /// A proven address is asked again after this, for certificates change.
    public static let recheck = Duration.seconds(3600)
    /// A refused one is asked again after this: somebody may have mended the certificate.
    public static let refusedRecheck = Duration.seconds(60)
    /// An address that cannot be asked is tried again after a second, then later, at most after a minute.
    public static let backoff = Backoff(first: .seconds(1), longest: .seconds(60))

    private var entries: [SocketAddress: Entry] = [:]

    /// No address yet.
    public init() {}

    /// The addresses that are proven.
    public func isVerified(_ address: SocketAddress) -> Bool { entries[address]?.state == .verified }

    /// Where an address stands; `nil` for one that is not known.
    public subscript(address: SocketAddress) -> State? { entries[address]?.state }

    /// When the next address must be asked.
    public var nextDue: Instant? { entries.values.compactMap(\.due).min() }

    /// These are its addresses now; new ones are to be asked at once, others are forgotten.
    public mutating func addressesKnown(_ addresses: [SocketAddress], at now: Instant) {
        entries = entries.filter { addresses.contains($0.key) }
        for address in addresses where entries[address] == nil {
            entries[address] = Entry(state: .unverified(failures: 0), due: now)
        }
    }

    /// The addresses to ask now.
    public mutating func takeDue(at now: Instant) -> [SocketAddress] {
        let due = entries.filter { $0.value.due.map { $0 <= now } ?? false }.keys.sorted()
        for address in due {
            entries[address]?.due = nil
            entries[address]?.underWay += 1
        }
        return due
    }

    /// Something else has to be proven from now on. What is proven stays so until the answer to the new question.
    public mutating func restart(at now: Instant) {
        for address in entries.keys { entries[address]?.due = now }
    }

    /// An address was asked. Returns the state if it is another one than before.
    public mutating func ended(
        _ address: SocketAddress, _ finding: CertificateFinding, at now: Instant,
        using generator: inout some RandomNumberGenerator
    ) -> State? {
        guard let before = entries[address], before.underWay > 0 else { return nil }
        entries[address]?.underWay -= 1
        // It is asked once more, or shall be: this answer is about what had to be proven before.
        guard before.underWay == 1, before.due == nil else { return nil }
        let (state, wait) = next(before.state, finding, using: &generator)
        entries[address] = Entry(state: state, due: now + wait)
        return state == before.state ? nil : state
    }

    private func next(
        _ state: State, _ finding: CertificateFinding, using generator: inout some RandomNumberGenerator
    ) -> (State, Duration) {
        switch finding {
        case .verified: return (.verified, Self.recheck)
        case .refused: return (.refused, Self.refusedRecheck)
        case .unreachable:
            // What was proven stays proven: only another certificate would say otherwise.
            guard case .unverified(let failures) = state else { return (state, Self.backoff.longest) }
            return (
                .unverified(failures: failures + 1), Self.backoff.wait(afterFailures: failures + 1, using: &generator)
            )
        }
    }
}
