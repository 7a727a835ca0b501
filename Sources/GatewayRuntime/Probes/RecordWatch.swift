internal import NIOCore

/// Stands between TLS and the network, and notes what the encryption does not hide: whether anything has come, and
/// whether we have sent ChangeCipherSpec, the sign that we are content with what a TLS 1.2 server has shown so far.
final class RecordWatch: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private(set) var hasReceived = false
    private(set) var hasSentChangeCipherSpec = false
    private static let changeCipherSpecRecord: UInt8 = 0x14

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasReceived = true
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        note(unwrapOutboundIn(data))
        context.write(data, promise: promise)
    }

    /// BoringSSL hands over whole records: type, version, length, content.
    private func note(_ records: ByteBuffer) {
        var records = records
        while let type: UInt8 = records.readInteger(), records.readInteger(as: UInt16.self) != nil,
            let length: UInt16 = records.readInteger(), records.readSlice(length: Int(length)) != nil
        {
            if type == Self.changeCipherSpecRecord { hasSentChangeCipherSpec = true }
        }
    }
}
