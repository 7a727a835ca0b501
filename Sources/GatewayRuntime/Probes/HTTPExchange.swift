internal import NIOCore
internal import NIOHTTP1

/// Asks one question at a time on a connection, and keeps no more of the answer than was asked for.
final class HTTPExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// An answer, whole.
    struct Answer: Sendable {
        var status: Int
        var body: [UInt8]
        /// Whether another question may follow on this connection.
        var keepsAlive: Bool
    }

    /// Why there is no answer.
    enum Failure: Error {
        case closed
        case timedOut
        case tooLong
    }

    private struct Pending {
        let promise: EventLoopPromise<Answer>
        let bytesMax: Int
        let timeout: Scheduled<Void>
        var status = 0
        var keepsAlive = false
        var body: [UInt8] = []
    }

    private let authority: String
    private var pending: Pending?
    private var context: ChannelHandlerContext?
    /// What ended the connection before anybody asked, as an alert after the handshake does.
    private var lastError: (any Error)?

    /// `authority` is what the questions call the server: host and port.
    init(authority: String) {
        self.authority = authority
    }

    /// Asks for `path`. One answer must come before the next question.
    func ask(_ path: String, bytesMax: Int, by deadline: NIODeadline, _ promise: EventLoopPromise<Answer>) {
        guard let context, context.channel.isActive, pending == nil else {
            promise.fail(lastError ?? Failure.closed)
            return
        }
        let timeout = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.giveUp(Failure.timedOut)
        }
        pending = Pending(promise: promise, bytesMax: bytesMax, timeout: timeout)
        let headers: HTTPHeaders = ["host": authority, "user-agent": "etcd-gateway", "accept": "*/*"]
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            pending?.status = Int(head.status.code)
            pending?.keepsAlive = head.isKeepAlive
        case .body(let bytes):
            guard let room = pending.map({ $0.bytesMax - $0.body.count }), room >= bytes.readableBytes else {
                giveUp(Failure.tooLong)
                return
            }
            pending?.body.append(contentsOf: bytes.readableBytesView)
        case .end:
            guard let done = pending.take() else { return }
            done.timeout.cancel()
            done.promise.succeed(Answer(status: done.status, body: done.body, keepsAlive: done.keepsAlive))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lastError = error
        giveUp(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        giveUp(Failure.closed)
        context.fireChannelInactive()
    }

    /// The connection is of no use any more.
    private func giveUp(_ error: any Error) {
        if let failed = pending.take() {
            failed.timeout.cancel()
            failed.promise.fail(error)
        }
        context?.close(promise: nil)
    }
}
