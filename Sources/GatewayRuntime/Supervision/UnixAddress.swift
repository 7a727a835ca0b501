internal import Glibc

/// The address of a unix socket: a path, or a name in the abstract space, written with an `@` in front (unix(7)).
struct UnixAddress {
    private var address = sockaddr_un()
    private let length: socklen_t

    // unsafe: all bytes are those of a sockaddr_un of ours, zero at first. A text is shorter than sun_path, and the
    // kernel is told a length that is not above the whole. It is lent as the sockaddr that it begins as, for the call
    // (unix(7)).
    /// `nil` where the text does not fit.
    init?(_ text: String) {
        var bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        // An abstract name has no terminating zero; a path has one.
        length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (bytes[0] == 0 ? 0 : 1))
    }

    /// The path that a socket is bound to; `nil` where it has none.
    static func path(boundTo descriptor: Int32) -> String? {
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        guard result == 0, address.sun_family == sa_family_t(AF_UNIX) else { return nil }
        let bytes = unsafe withUnsafeBytes(of: address.sun_path) { unsafe Array($0.prefix { $0 != 0 }) }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    /// Whether the path it names is that of a socket's file.
    var isSocket: Bool {
        let path = unsafe withUnsafeBytes(of: address.sun_path) { unsafe Array($0.prefix { $0 != 0 }) }
        var status = stat()
        let result = unsafe stat(String(decoding: path, as: UTF8.self), &status)
        return result == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    /// Lends it in the form that system calls take.
    mutating func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }
}
