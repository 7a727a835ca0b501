internal import Gateway
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The one thread of NIO for all that is HTTP or TLS, started by the first such probe.
final class ProbeLoop: Sendable {
    private let group = Mutex<MultiThreadedEventLoopGroup?>(nil)

    /// The event loop.
    var eventLoop: any EventLoop {
        group.withLock { group in
            let running = group ?? MultiThreadedEventLoopGroup(numberOfThreads: 1)
            group = running
            return running.next()
        }
    }

    /// Ends the thread; its connections are closed first. The next probe would start it again.
    func stop() async {
        let running = group.withLock { $0.take() }
        try? await running?.shutdownGracefully()  // fails only where it is shut down already
    }

    /// Connects to an address within a time.
    func connect(
        _ address: Gateway.SocketAddress, within limit: TimeAmount,
        _ initialize: @escaping @Sendable (any Channel) throws -> Void
    ) async throws(DialFailure) -> any Channel {
        do {
            return try await ClientBootstrap(group: eventLoop)
                .connectTimeout(limit)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try initialize(channel) }
                }
                .connect(to: NIOCore.SocketAddress(ipAddress: address.ip.description, port: Int(address.port)))
                .get()
        } catch {
            throw DialFailure(connecting: error)
        }
    }
}

extension DialFailure {
    /// What an error of NIO's connect says.
    fileprivate init(connecting error: any Error) {
        switch error {
        case ChannelError.connectTimeout: self = .timedOut
        case let error as IOError: self = DialFailure(errno: error.errnoCode)
        case let error as NIOConnectionError:
            let first = error.connectionErrors.first?.error
            self = (first as? IOError).map { DialFailure(errno: $0.errnoCode) } ?? .unreachable
        default: self = .local
        }
    }
}
