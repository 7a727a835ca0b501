internal import CLinux
internal import Gateway
internal import Glibc

/// Tells the service manager how we are (sd_notify(3)). The socket is opened once: a process that has run out of descriptors
/// still says that it lives.
final class NotifySocket: Sendable {
    /// How long a manager that is busy may keep us waiting; then what was to be told is lost.
    private static let patienceMilliseconds: Int32 = 1000

    private let address: UnixAddress
    private let descriptor: Descriptor

    /// The socket that `NOTIFY_SOCKET` names: a path, or an abstract name behind an `@`. `nil` for anything else.
    init?(path: String) {
        guard ServiceEnvironment.isSocketName(path), let address = UnixAddress(path) else { return nil }
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number != -1 else { return nil }
        self.address = address
        descriptor = Descriptor(owning: number)
        _ = clinux_set_send_timeout(number, Self.patienceMilliseconds)  // a socket of ours: it cannot fail
    }

    /// Sends all of this as one message.
    func send(_ notifications: [ServiceNotification]) throws(SystemError) {
        try send(notifications.map(\.description).joined(separator: "\n"))
    }

    // unsafe: C reads address, text and descriptors while the call lasts, as many as their counts say; all are ours.
    /// Sends a message, with duplicates of descriptors.
    func send(_ text: String, with descriptors: [Int32] = []) throws(SystemError) {
        var address = address
        let bytes = Array(text.utf8)
        let result = unsafe address.withPointer { pointer, length in
            unsafe clinux_send_descriptors(
                descriptor.number, pointer, length, bytes, UInt64(bytes.count), descriptors, UInt32(descriptors.count))
        }
        try checkErrno("tell the service manager", result)
    }
}
