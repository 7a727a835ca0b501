import Foundation
import Synchronization

/// What a service manager hears: a unix datagram socket, and every message that came.
public final class NotifySink: Sendable {
    /// For `NOTIFY_SOCKET`.
    public let path: String
    private let folder: TemporaryFolder
    private let descriptor: Int32
    private let received: Messages

    private final class Messages: Sendable {
        let all = Mutex<[String]>([])
    }

    /// Binds a socket in a folder of its own, and listens until the last user lets go.
    public init() throws {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "notify")
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        guard result == 0 else {
            close(descriptor)
            throw TestingError("cannot bind \(path): errno \(errno)")
        }
        (self.folder, self.path, self.descriptor) = (folder, path, descriptor)
        let received = Messages()
        self.received = received
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                received.all.withLock { $0.append(String(decoding: buffer[..<count], as: UTF8.self)) }
            }
            close(descriptor)
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))  // ends the thread, which closes
    }

    /// The messages so far, each of one or several lines.
    public var messages: [String] { received.all.withLock { $0 } }

    /// The values of an assignment so far: `values(of: "STATUS")`.
    public func values(of name: String) -> [String] {
        messages.flatMap { $0.split(separator: "\n") }
            .filter { $0.hasPrefix(name + "=") }
            .map { String($0.dropFirst(name.count + 1)) }
    }
}
