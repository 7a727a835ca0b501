internal import CAres
internal import CLinux
internal import Gateway
internal import Glibc

/// A channel of c-ares on the control loop: its sockets and its deadline are the loop's, so nothing polls.
///
/// Belongs to the control loop's thread, like everything c-ares calls back.
@safe final class AresChannel {
    /// What came of a query: the raw reply of a server that answered, or c-ares' own status.
    struct Outcome {
        let status: Int32
        let reply: [UInt8]
    }

    /// How long a server may take to answer, and how often all servers are asked. c-ares' own 5 s and 4 tries would keep
    /// a client waiting longer than it is held. A resolv.conf with `options timeout:` does not change them.
    private static let timeoutMilliseconds: Int32 = 1000
    private static let tries: Int32 = 3

    private final class Query {
        let finish: (Outcome) -> Void

        init(_ finish: @escaping (Outcome) -> Void) {
            self.finish = finish
        }
    }

    private let executor: EventExecutor
    private var channel: ares_channel?
    private var timer: EventExecutor.TimerID?
    private(set) var pending = 0

    /// A channel that asks the servers of /etc/resolv.conf as it is now, or these ones.
    init(executor: EventExecutor, servers: [SocketAddress]) throws(ResolverError) {
        self.executor = executor
        var options = unsafe ares_options()
        unsafe options.timeout = Self.timeoutMilliseconds
        unsafe options.tries = Self.tries
        unsafe options.sock_state_cb = { owner, socket, isReading, isWriting in
            guard let owner = unsafe owner else { return }
            unsafe Unmanaged<AresChannel>.fromOpaque(owner).takeUnretainedValue()
                .socketChanged(socket, isReading: isReading != 0, isWriting: isWriting != 0)
        }
        // Unretained: the channel is destroyed in deinit, before the object goes.
        unsafe options.sock_state_cb_data = unsafe Unmanaged.passUnretained(self).toOpaque()
        let mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB
        var created: ares_channel?
        try Self.check(unsafe ares_init_options(&created, &options, mask))
        unsafe channel = created
        guard !servers.isEmpty else { return }
        let list = servers.map(\.description).joined(separator: ",")
        try Self.check(unsafe ares_set_servers_ports_csv(channel, list))
    }

    deinit {
        unsafe ares_destroy(channel)  // calls back every pending query, with ARES_EDESTRUCTION
        if let timer { executor.cancel(timer) }
    }

    /// Asks for records of a name as it stands.
    func query(_ name: String, _ type: DNSRecordType, _ finish: @escaping (Outcome) -> Void) {
        let query = unsafe start(finish)
        unsafe ares_query(channel, name, 1, Int32(type.rawValue), Self.callback, query)
        schedule()
    }

    /// Asks for records of a name, with the search list and ndots of resolv.conf, as every resolver does.
    func search(_ name: String, _ type: DNSRecordType, _ finish: @escaping (Outcome) -> Void) {
        let query = unsafe start(finish)
        unsafe ares_search(channel, name, 1, Int32(type.rawValue), Self.callback, query)
        schedule()
    }

    private func start(_ finish: @escaping (Outcome) -> Void) -> UnsafeMutableRawPointer {
        pending += 1
        // Taken back exactly once: c-ares calls back once, on cancel and destroy as well.
        return unsafe Unmanaged.passRetained(
            Query { [weak self] outcome in
                self?.pending -= 1
                finish(outcome)
            }
        ).toOpaque()
    }

    private static let callback: ares_callback = { argument, status, _, bytes, length in
        guard let argument = unsafe argument else { return }
        let query = unsafe Unmanaged<Query>.fromOpaque(argument).takeRetainedValue()
        let reply = unsafe Array(UnsafeBufferPointer(start: bytes, count: Int(length)))
        query.finish(Outcome(status: status, reply: reply))
    }

    private func socketChanged(_ socket: Int32, isReading: Bool, isWriting: Bool) {
        guard isReading || isWriting else { return executor.unwatch(socket) }
        let events = (isReading ? EPOLLIN.rawValue : 0) | (isWriting ? EPOLLOUT.rawValue : 0)
        do {
            try executor.watch(socket, events) { [weak self] readiness in
                self?.socketReady(socket, readiness)
            }
        } catch {
            // ENOMEM or ENOSPC: nobody listens to this socket, so its queries end by their timeout.
        }
    }

    private func socketReady(_ socket: Int32, _ readiness: UInt32) {
        let failed = EPOLLERR.rawValue | EPOLLHUP.rawValue
        let canRead = readiness & (EPOLLIN.rawValue | failed) != 0
        let canWrite = readiness & (EPOLLOUT.rawValue | failed) != 0
        unsafe ares_process_fd(channel, canRead ? socket : ARES_SOCKET_BAD, canWrite ? socket : ARES_SOCKET_BAD)
        schedule()
    }

    /// Moves the deadline to where c-ares wants it.
    private func schedule() {
        if let timer { executor.cancel(timer) }
        timer = nil
        var left = timeval()
        guard unsafe ares_timeout(channel, nil, &left) != nil else { return }
        let wait = Duration.seconds(Int64(left.tv_sec)) + .microseconds(Int64(left.tv_usec))
        timer = executor.schedule(at: MonotonicClock.now() + wait) { [weak self] in
            guard let self else { return }
            unsafe ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD)
            schedule()
        }
    }

    private static func check(_ status: Int32) throws(ResolverError) {
        guard status == ARES_SUCCESS else { throw ResolverError(status: status) }
    }
}

/// c-ares could not be set up.
struct ResolverError: Error, CustomStringConvertible {
    let status: Int32

    var description: String { unsafe String(cString: ares_strerror(status)) }
}
