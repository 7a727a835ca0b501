/// Holds one thread of another process, as if it were stuck, until the last user lets go. The other threads run on.
///
/// A tracer does it (ptrace(2)). Swift cannot call that, for it is variadic; perl, which is on every Debian, can.
public final class StalledThread: Sendable {
    private let tracer: ChildProcess

    /// Stops the thread of this name.
    public init(_ name: String, of process: Int32) async throws {
        let script = "\(ToolBox.packageRoot)/Tests/Package/stall.pl"
        tracer = try ChildProcess("/usr/bin/perl", [script, "\(process)", name])
        try await tracer.waitForText("stalled")
    }

    /// Lets it go on.
    public func release() async throws { try await tracer.kill() }
}
