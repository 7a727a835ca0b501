internal import Gateway
internal import NIOCore
internal import NIOHTTP1

/// One client of the admin server: a request at a time, of bounded size, within bounded time.
final class AdminConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// A request must be whole so long after the connection was made, or after the last answer.
    static let patience = TimeAmount.seconds(5)
    /// An answer must be read within this.
    private static let answerPatience = TimeAmount.seconds(10)
    /// No request of ours needs a body; a small one is skipped.
    private static let bodyBytesMax = 4096

    private let answers: AdminAnswers
    private let mayOrder: Bool
    private var head: HTTPRequestHead?
    private var bodyBytes = 0
    private var timeout: Scheduled<Void>?

    /// - Parameter mayOrder: Whether orders are taken here at all; of whom, its credentials say.
    init(_ answers: AdminAnswers, mayOrder: Bool) {
        self.answers = answers
        self.mayOrder = mayOrder
    }

    func channelActive(context: ChannelHandlerContext) {
        closeUnlessDone(within: Self.patience, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            bodyBytes = 0
        case .body(let bytes):
            bodyBytes += bytes.readableBytes
            if bodyBytes > Self.bodyBytesMax { context.close(promise: nil) }
        case .end:
            guard let head = head.take() else { return }
            answer(head, context)
        }
    }

    /// What is no HTTP has been answered by NIO's own handler.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        closeUnlessDone(within: Self.answerPatience, context)
        answers.answer(method: head.method.rawValue, target: head.uri, mayOrder: mayOrder, on: context.channel)
            .assumeIsolated()
            .whenSuccess { self.send($0, to: head, context) }
    }

    private func send(_ answer: AdminAnswer, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let body = ByteBuffer(string: answer.body)
        var headers: HTTPHeaders = [
            "content-type": answer.type, "content-length": String(body.readableBytes), "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            // The page needs its own style and script, and nothing from anywhere else.
            "content-security-policy":
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:",
        ]
        headers.add(name: "connection", value: head.isKeepAlive ? "keep-alive" : "close")
        let status = HTTPResponseStatus(statusCode: answer.status)
        context.write(wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
        if head.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { result in
            guard case .success = result, head.isKeepAlive else { return context.close(promise: nil) }
            self.closeUnlessDone(within: Self.patience, context)
        }
    }

    /// Restarts the time after which the connection is closed.
    private func closeUnlessDone(within limit: TimeAmount, _ context: ChannelHandlerContext) {
        timeout?.cancel()
        timeout = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { context.close(promise: nil) }
    }
}
