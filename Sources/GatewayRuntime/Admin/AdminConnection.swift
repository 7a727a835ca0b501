internal import Gateway
internal import NIOCore
internal import NIOHTTP1

/// One client of the admin server: a request at a time, of bounded size, within bounded time.
final class AdminConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    /// What clients of a listener share.
    struct House: Sendable {
        var answers: AdminAnswers
        /// One for each client that is connected.
        var places: AdminPlaces
        /// One for each client that has a large answer to read: until it has, the answer takes our memory.
        var largeAnswers: AdminPlaces
        /// Whether orders are taken here at all; of whom, its credentials say.
        var mayOrder: Bool
    }

    /// A request must be whole so long after the connection was made, or after the last answer.
    static let patience = TimeAmount.seconds(5)
    /// An answer must be read within this.
    private static let answerPatience = TimeAmount.seconds(10)
    /// Requests that may wait for the answer to an earlier one.
    private static let waitingMax = 8
    /// No request of ours needs a body; a small one is skipped.
    private static let bodyBytesMax = 4096
    /// The kernel takes less than this at once, so that nobody has to wait for a reader.
    private static let largeBytes = 65_536

    private let house: House
    private var head: HTTPRequestHead?
    /// Whole requests that came before the last one was answered.
    private var waiting: [HTTPRequestHead] = []
    private var isAnswering = false
    private var bodyBytes = 0
    /// When it is closed, unless it does what it should before.
    private var limit = NIODeadline.distantFuture
    private var look: Scheduled<Void>?

    init(_ house: House) {
        self.house = house
    }

    func channelActive(context: ChannelHandlerContext) {
        limit = .now() + Self.patience
        lookAtLimit(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        look?.cancel()
        house.places.leave(context.channel)
        house.largeAnswers.leave(context.channel)
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
            guard isAnswering else { return answer(head, context) }
            guard waiting.count < Self.waitingMax else { return context.close(promise: nil) }
            waiting.append(head)
        }
    }

    /// What is no HTTP is said to be none; whatever else is wrong ends the connection, too.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError, !isAnswering else { return context.close(promise: nil) }
        isAnswering = true
        context.write(wrapOutboundOut(AdminAnswer.misunderstood.head(isKeptAlive: false)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(AdminAnswer.misunderstood.body)).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        isAnswering = true
        limit = .now() + Self.answerPatience
        house.places.take(context.channel)
        house.answers
            .answer(method: head.method.rawValue, target: head.uri, mayOrder: house.mayOrder, on: context.channel)
            .assumeIsolated()
            .whenSuccess { self.send($0, to: head, context) }
    }

    private func send(_ answer: AdminAnswer, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let hasBody = head.method != .HEAD
        if hasBody, answer.body.readableBytes > Self.largeBytes { house.largeAnswers.take(context.channel) }
        context.write(wrapOutboundOut(answer.head(isKeptAlive: head.isKeepAlive)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(hasBody ? answer.body : ByteBuffer())).assumeIsolated().whenComplete {
            self.sent(to: head, isWhole: (try? $0.get()) != nil, context)
        }
    }

    private func sent(to head: HTTPRequestHead, isWhole: Bool, _ context: ChannelHandlerContext) {
        house.largeAnswers.leave(context.channel)
        guard isWhole, head.isKeepAlive else { return context.close(promise: nil) }
        isAnswering = false
        limit = .now() + Self.patience
        if !waiting.isEmpty { answer(waiting.removeFirst(), context) }
    }

    /// Closes a client whose time is over. The limit moves with what it does; one timer follows it.
    private func lookAtLimit(_ context: ChannelHandlerContext) {
        guard limit > .now() else { return context.close(promise: nil) }
        look = context.eventLoop.assumeIsolated().scheduleTask(deadline: limit) { self.lookAtLimit(context) }
    }
}
