import Testing

/// Probes of real members and of listeners that misbehave: one after the other, for each measures time.
@Suite(.serialized, .timeLimit(.minutes(5)))
enum RealProbes {}
