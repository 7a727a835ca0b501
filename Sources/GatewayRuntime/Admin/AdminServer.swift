internal import Gateway
internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Serves status, metrics and orders, on a thread of its own that sleeps while nobody asks. It never touches a loop's work.
final class AdminServer: Sendable {
    /// Clients at a time that have a large answer to read. A list of sessions takes 2 MB of memory until it is read.
    private static let largeAnswersMax = 8
    /// The owner and the group may connect.
    private static let socketMode: mode_t = 0o660

    private let group: MultiThreadedEventLoopGroup
    private let answers: AdminAnswers
    private let largeAnswers = AdminPlaces(largeAnswersMax)
    private let places: Int
    private let file: UnixListener?

    /// Listens where the settings say so. What cannot be opened is told and left out: clients of etcd must not pay for it.
    /// `nil` where there is nothing to serve, so that there is no thread either.
    ///
    /// - Parameter places: So many clients each listener has at a time.
    static func open(
        _ settings: Settings, desk: AdminDesk, places: Int = Limits.adminClientsMax, logger: Logger
    ) async -> AdminServer? {
        guard settings.adminSocket != nil || settings.metricsAddress != nil else { return nil }
        let file = settings.adminSocket.flatMap { path in
            attempt(logger) { () throws(SystemError) in try UnixListener(path: path, mode: socketMode) }
        }
        let server = AdminServer(desk: desk, places: places, file: file)
        if let file, !(await server.listen(on: file, logger)) { file.removeFile() }
        if let address = settings.metricsAddress { await server.listen(on: address, logger) }
        return server
    }

    private init(desk: AdminDesk, places: Int, file: UnixListener?) {
        self.places = places
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        answers = AdminAnswers(desk: desk)
        self.file = file
    }

    /// Closes everything, and removes the socket's file.
    func close() async {
        try? await group.shutdownGracefully()  // fails only where it is shut down already
        file?.removeFile()
    }

    private func listen(on file: UnixListener, _ logger: Logger) async -> Bool {
        do {
            _ = try await bootstrap(mayOrder: true).withBoundSocket(file.descriptor).get()
            return true
        } catch {
            Self.tell(error, logger)
            return false
        }
    }

    private func listen(on address: Gateway.SocketAddress, _ logger: Logger) async {
        do {
            let channel = try await bootstrap(mayOrder: false)
                .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
                .bind(host: address.ip.description, port: Int(address.port)).get()
            let bound = channel.localAddress?.port.map { Gateway.SocketAddress(ip: address.ip, port: UInt16($0)) }
            logger.info("metrics can be read", metadata: ["listen": "\(bound ?? address)"])
        } catch {
            Self.tell(error, logger)
        }
    }

    private func bootstrap(mayOrder: Bool) -> ServerBootstrap {
        let house = AdminConnection.House(
            answers: answers, places: AdminPlaces(places), largeAnswers: largeAnswers, mayOrder: mayOrder)
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptPause()) }
            }
            .childChannelInitializer { channel in
                house.places.take(channel)
                return channel.eventLoop.makeCompletedFuture {
                    // Answers are bytes already, and wait for their turn in the connection: NIO's other handlers are not needed.
                    let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes))
                    try channel.pipeline.syncOperations.addHandlers(decoder, AdminConnection(house))
                }
            }
    }

    private static func attempt<Value>(
        _ logger: Logger, _ body: () throws(SystemError) -> Value
    ) -> Value? {
        do throws(SystemError) {
            return try body()
        } catch {
            tell(error, logger)
            return nil
        }
    }

    private static func tell(_ error: any Error, _ logger: Logger) {
        logger.error("status and metrics cannot be served; clients are", metadata: ["error": "\(error)"])
    }
}
