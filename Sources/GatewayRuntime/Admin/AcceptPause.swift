internal import NIOCore

/// Lets a listener rest when a client could not be accepted: where descriptors have run out, it would otherwise try again and
/// again, with the CPU that sessions need to end.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = Any

    private static let rest = TimeAmount.milliseconds(100)

    private var isResting = false

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isResting, context.channel.isActive else { return }  // nothing else is to be done about it here
        isResting = true
        set(isAccepting: false, context)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.rest) {
            self.isResting = false
            self.set(isAccepting: true, context)
        }
    }

    private func set(isAccepting: Bool, _ context: ChannelHandlerContext) {
        // It fails on a listener that is closed: that one accepts nobody anyway.
        context.channel.setOption(.autoRead, value: isAccepting).whenFailure { _ in }
    }
}
