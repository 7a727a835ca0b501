internal import Gateway
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import NIOTLS

/// What a probe found before it could ask all that it wanted.
struct ProbeEnd: Error {
    let outcome: ProbeOutcome
}

/// One HTTP connection to a member, plain or through TLS.
struct HTTPConnection: Sendable {
    private let channel: any Channel
    private let exchange: NIOLoopBound<HTTPExchange>
    private let isSecure: Bool
    /// How long connecting took, without TLS' handshake.
    let dialTime: Duration

    /// What a member has in any case to answer a question, should we have been late in asking it.
    private static let answerTimeMin = TimeAmount.milliseconds(250)

    /// Whether another question can be asked.
    var isOpen: Bool { channel.isActive }

    /// Connects, and shakes hands where there is a TLS context, in which case `host` is the server name.
    static func open(
        to address: Gateway.SocketAddress, host: String?, tls: NIOSSLContext?, by deadline: NIODeadline,
        on loop: ProbeLoop
    ) async throws(ProbeEnd) -> HTTPConnection {
        let ready = loop.eventLoop.makePromise(of: NIOLoopBound<HTTPExchange>.self)
        let start = MonotonicClock.now()
        let channel: any Channel
        do throws(DialFailure) {
            channel = try await loop.connect(address, within: max(deadline - .now(), .milliseconds(1))) { channel in
                let pipeline = channel.pipeline.syncOperations
                if let tls { try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: host)) }
                try pipeline.addHandler(Handshake(isNeeded: tls != nil, by: deadline, address: "\(address)", ready))
            }
        } catch {
            ready.fail(error)  // a promise must be kept
            throw ProbeEnd(outcome: .failed(error, .dialing))
        }
        let dialTime = MonotonicClock.now() - start
        do {
            let exchange = try await withTaskCancellationHandler {
                try await ready.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
            return HTTPConnection(channel: channel, exchange: exchange, isSecure: tls != nil, dialTime: dialTime)
        } catch {
            throw ProbeEnd(outcome: outcome(of: error, stage: .connected))
        }
    }

    /// Asks for `path`.
    func get(_ path: String, bytesMax: Int, by deadline: NIODeadline) async throws(ProbeEnd) -> HTTPExchange.Answer {
        let answer = channel.eventLoop.makePromise(of: HTTPExchange.Answer.self)
        channel.eventLoop.execute { [exchange] in
            let answerBy = max(deadline, .now() + Self.answerTimeMin)
            exchange.value.ask(path, bytesMax: bytesMax, by: answerBy, answer)
        }
        do {
            return try await withTaskCancellationHandler {
                try await answer.futureResult.get()
            } onCancel: { [channel] in
                channel.close(promise: nil)
            }
        } catch {
            throw ProbeEnd(outcome: Self.outcome(of: error, stage: isSecure ? .secured : .connected))
        }
    }

    /// Ends the connection with FIN, after the closing words of TLS where there is TLS.
    func close() {
        channel.close(promise: nil)
    }

    private static func outcome(of error: any Error, stage: ProbeStage) -> ProbeOutcome {
        switch error {
        case HTTPExchange.Failure.timedOut: return .failed(.timedOut, stage)
        case HTTPExchange.Failure.tooLong: return .unusable(.tooLong)
        case HTTPParserError.invalidEOFState: return .failed(.refused, stage)
        case is HTTPParserError: return .unusable(.notHTTP)
        case let error as IOError: return .failed(DialFailure(errno: error.errnoCode), stage)
        default: break
        }
        switch TLSTrouble(error) {
        case .untrusted: return .unusable(.untrusted)
        case .refusedByPeer: return .unusable(.tlsRefused)
        case .notTLS: return .unusable(.notTLS)
        case .closed, nil: return .failed(.refused, stage)
        }
    }
}

/// Waits for the TLS handshake where there is one, then makes room for HTTP.
private final class Handshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let isNeeded: Bool
    private let deadline: NIODeadline
    private let address: String
    private var ready: EventLoopPromise<NIOLoopBound<HTTPExchange>>?
    private var timeout: Scheduled<Void>?

    init(
        isNeeded: Bool, by deadline: NIODeadline, address: String, _ ready: EventLoopPromise<NIOLoopBound<HTTPExchange>>
    ) {
        self.isNeeded = isNeeded
        self.deadline = deadline
        self.address = address
        self.ready = ready
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        guard isNeeded else {
            finish(context)
            return
        }
        timeout = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.fail(HTTPExchange.Failure.timedOut, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if case TLSUserEvent.handshakeCompleted = event { finish(context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

    func channelInactive(context: ChannelHandlerContext) {
        fail(HTTPExchange.Failure.closed, context)
        context.fireChannelInactive()
    }

    private func finish(_ context: ChannelHandlerContext) {
        guard let ready = ready.take() else { return }
        timeout?.cancel()
        do {
            let exchange = HTTPExchange(authority: address)
            let pipeline = context.pipeline.syncOperations
            try pipeline.addHTTPClientHandlers()
            try pipeline.addHandler(exchange)
            pipeline.removeHandler(context: context, promise: nil)
            ready.succeed(NIOLoopBound(exchange, eventLoop: context.eventLoop))
        } catch {
            ready.fail(error)
            context.close(promise: nil)
        }
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        guard let ready = ready.take() else { return }
        timeout?.cancel()
        ready.fail(error)
        context.close(promise: nil)
    }
}
