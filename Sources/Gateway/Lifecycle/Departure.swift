/// How a gateway that was told to stop treats its open sessions. This is the one place that decides it.
public enum Departure: Hashable, Sendable {
    /// It leaves at once. Sessions that are stored live on in the next process; others are reset.
    case atOnce
    /// No new session; open ones have so long to end, then they are reset.
    case drained(within: Duration)

    /// What the settings say, and whether sessions are stored where any next process finds them: then a stop cannot be
    /// told from a restart, and the store's owner ends the sessions if it was a stop.
    public init(_ settings: Settings, isStored: Bool) {
        guard settings.drainTimeout > .zero, !isStored || settings.drainsOnStop else {
            self = .atOnce
            return
        }
        self = .drained(within: settings.drainTimeout)
    }
}
