internal import CLinux
internal import Glibc

/// The admin socket: bound by us, because who may connect must be settled before anybody can.
struct UnixListener: Sendable {
    /// The bound socket, which listens to nobody yet. It belongs to whoever takes it.
    let descriptor: Int32
    private let path: String
    /// Of the file: an inode's number alone is soon given to another.
    private let stamp: [UInt64]

    // unsafe: C reads a path, or as much of an address as its length says, while the call lasts; both are ours.
    /// Binds a socket to a path, for the owner and the group. A socket file on which nobody listens is replaced.
    init(path: String, mode: mode_t) throws(SystemError) {
        guard var address = UnixAddress(path) else { throw SystemError(ENAMETOOLONG, "listen on \(path)") }
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = try checkErrno("create the admin socket", socket(AF_UNIX, flags, 0))
        do throws(SystemError) {
            try Self.bind(descriptor, to: &address, path)
            try checkErrno("set the mode of \(path)", unsafe chmod(path, mode))
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.path = path
        stamp = Self.stamp(of: path)
    }

    /// Removes the file, unless somebody else has put another one there.
    func removeFile() {
        if Self.stamp(of: path) == stamp { unsafe unlink(path) }
    }

    private static func stamp(of path: String) -> [UInt64] {
        let stamp = unsafe clinux_stamp(path)
        return [stamp.inode, stamp.changed_ns]
    }

    private static func bind(_ descriptor: Int32, to address: inout UnixAddress, _ path: String) throws(SystemError) {
        let first = unsafe address.withPointer { unsafe Glibc.bind(descriptor, $0, $1) == 0 ? 0 : errno }
        guard first != 0 else { return }
        guard first == EADDRINUSE, isAbandoned(&address) else { throw SystemError(first, "listen on \(path)") }
        unsafe unlink(path)
        let second = unsafe address.withPointer { unsafe Glibc.bind(descriptor, $0, $1) == 0 ? 0 : errno }
        if second != 0 { throw SystemError(second, "listen on \(path)") }
    }

    /// Whether it is a socket on which nobody listens.
    private static func isAbandoned(_ address: inout UnixAddress) -> Bool {
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let number = socket(AF_UNIX, flags, 0)
        guard number != -1 else { return false }
        let probe = Descriptor(owning: number)
        // ECONNREFUSED also where the file is no socket: that one stays.
        let result = unsafe address.withPointer { unsafe connect(probe.number, $0, $1) == 0 ? 0 : errno }
        return result == ECONNREFUSED && address.isSocket
    }
}
