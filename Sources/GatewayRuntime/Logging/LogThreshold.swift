public import Gateway
internal import Synchronization

/// The least important line that is logged, which can be changed while the program runs.
public final class LogThreshold: Sendable {
    private let place: Atomic<Int>

    /// A threshold at this level.
    public init(_ level: LogLevel) {
        place = Atomic(Self.place(of: level))
    }

    /// From any thread.
    public var level: LogLevel {
        get { LogLevel.allCases[place.load(ordering: .relaxed)] }
        set { place.store(Self.place(of: newValue), ordering: .relaxed) }
    }

    private static func place(of level: LogLevel) -> Int { LogLevel.allCases.firstIndex(of: level) ?? 0 }
}
