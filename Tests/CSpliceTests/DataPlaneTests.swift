import Testing

/// The data plane on real sockets. One test at a time: they count, measure and fill the machine.
@Suite(.serialized, .timeLimit(.minutes(2)))
enum DataPlaneTests {}
