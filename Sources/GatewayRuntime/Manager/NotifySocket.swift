internal import Glibc

/// Tells the service manager how we are (sd_notify(3)). Without a manager nothing is sent.
struct NotifySocket: Sendable {
    private let path: String?

    /// The socket that `NOTIFY_SOCKET` names.
    init(environment: [String: String]) {
        let named = environment["NOTIFY_SOCKET"] ?? ""
        path = named.hasPrefix("/") || named.hasPrefix("@") ? named : nil
    }

    /// Whether somebody listens.
    var isThere: Bool { path != nil }

    /// Sends assignments such as `READY=1`. What is lost is lost: a manager that is gone or busy must not stop us.
    func send(_ lines: String...) {
        guard let path, var address = UnixAddress(path) else { return }
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number != -1 else { return }
        let descriptor = Descriptor(owning: number)
        let text = Array(lines.joined(separator: "\n").utf8)
        _ = unsafe address.withSystemAddress { pointer, length in
            unsafe sendto(descriptor.number, text, text.count, Int32(MSG_NOSIGNAL), pointer, length)
        }
    }
}

/// The address of a unix socket: a path, or a name in the abstract space behind an `@`.
struct UnixAddress {
    private var address = sockaddr_un()
    private let length: socklen_t

    init?(_ path: String) {
        var bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        // An abstract name has no terminating zero; a path has one.
        length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (bytes[0] == 0 ? 0 : 1))
    }

    mutating func withSystemAddress<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }
}
