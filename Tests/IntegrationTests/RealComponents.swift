import Testing

/// All that starts real processes, one test after the other: each has the machine for itself, so that its time limits
/// mean something. The suites below are extensions of this one, for `.serialized` holds within a suite.
@Suite(.serialized, .timeLimit(.minutes(3)))
enum RealComponents {}
