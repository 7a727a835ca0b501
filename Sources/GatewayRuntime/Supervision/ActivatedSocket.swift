internal import Gateway
internal import Glibc

/// A listening socket that a service manager opened for us (sd_listen_fds(3)).
struct ActivatedSocket: Hashable, Sendable {
    /// Nobody else has it; whoever takes this value owns it.
    var descriptor: Int32
    /// What the manager calls it: the name of the socket unit, where nothing else was said.
    var name: String

    /// Those among the passed descriptors that are not our own store's. All of them, or why not.
    static func all(among passed: [PassedDescriptor]) throws(ActivationError) -> [ActivatedSocket] {
        let others = passed.filter { $0.storedAs == nil }
        guard others.count <= PassedDescriptor.socketsAtMost else { throw .count("\(others.count)") }
        var sockets: [ActivatedSocket] = []
        for one in others {
            let socket = ActivatedSocket(descriptor: one.descriptor, name: one.name)
            guard socket.isListeningStream else { throw .noListener(one) }
            sockets.append(socket)
        }
        return sockets
    }

    /// Where clients find it: an address or `unix:///path`; its name where the kernel has neither.
    var address: String {
        if let path = UnixAddress.path(boundTo: descriptor) { return "unix://" + path }
        return SystemAddress(boundTo: descriptor).map { "\($0.address)" } ?? name
    }

    private var isListeningStream: Bool {
        option(SO_ACCEPTCONN) == 1 && option(SO_TYPE) == Int32(SOCK_STREAM.rawValue)
            && [AF_INET, AF_INET6, AF_UNIX].contains(option(SO_DOMAIN))
    }

    // unsafe: the kernel fills a number of ours while the call lasts, no more of it than the size says.
    /// `nil` where it is no socket, or not even open.
    private func option(_ name: Int32) -> Int32? {
        var (value, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        return unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }
}
