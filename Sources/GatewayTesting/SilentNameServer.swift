/// A name server that is there and never answers: over UDP nothing comes back, over TCP the connection stands still.
public final class SilentNameServer: Sendable {
    private let datagrams: LoopbackSocket
    private let streams: LoopbackSocket

    /// Binds a port for UDP and TCP.
    public init() throws {
        (datagrams, streams) = try LoopbackSocket.datagramAndStream()
    }

    /// Its address in the form of `--dns-server`.
    public var address: String { "127.0.0.1:\(datagrams.port)" }
}
