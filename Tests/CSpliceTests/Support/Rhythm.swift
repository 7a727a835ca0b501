import GatewayTesting
import Glibc

/// In which pieces and with which pauses a peer sends or receives.
struct Rhythm: Sendable {
    private var generator: SeededGenerator?
    private var phase = 0
    private var isSmall = false

    /// Large pieces, no pauses.
    static let steady = Rhythm()

    /// Changes between small and bulk flow, pieces of any size, now and then a pause of up to 3 ms.
    static func random(seed: UInt64) -> Rhythm {
        var rhythm = Rhythm()
        rhythm.generator = SeededGenerator(seed: seed)
        return rhythm
    }

    static let largestPiece = 262_144

    /// Bytes of the next piece, at least one.
    mutating func nextPiece() -> Int {
        guard var generator else { return Rhythm.largestPiece }
        defer { self.generator = generator }
        if phase == 0 {
            isSmall = Bool.random(using: &generator)
            phase = Int.random(in: 5...40, using: &generator)
        }
        phase -= 1
        return Int.random(in: 1...(isSmall ? 700 : Rhythm.largestPiece), using: &generator)
    }

    /// Part of the traffic, not a way to wait for something.
    mutating func pause() {
        guard var generator else { return }
        defer { self.generator = generator }
        guard Int.random(in: 0..<24, using: &generator) == 0 else { return }
        usleep(UInt32.random(in: 0...3000, using: &generator))
    }
}
