internal import Gateway
internal import Glibc
internal import NIOCore

/// Who is at the other end of a unix socket (unix(7), SO_PEERCRED), in the kernel's form.
struct PeerCredentials: Sendable {
    var process: Int32 = 0
    var user: UInt32 = .max
    var group: UInt32 = .max

    /// Orders are taken from root, and from the user as whom the gateway runs.
    var mayOrder: Bool { user == 0 || user == geteuid() }

    /// Asks the kernel.
    static func of(_ channel: any Channel) -> EventLoopFuture<PeerCredentials> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture(PeerCredentials())
        }
        return provider.unsafeGetSocketOption(
            level: .init(rawValue: SOL_SOCKET), name: .init(rawValue: SO_PEERCRED))
    }
}
