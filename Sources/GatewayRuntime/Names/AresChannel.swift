internal import CAres
internal import CLinux
internal import Gateway
internal import Glibc

/// A channel of c-ares on the control loop: its sockets and its deadline are the loop's, so nothing polls.
///
/// Belongs to the control loop's thread, like everything c-ares calls back. Whoever made it closes it there; to destroy
/// it wherever the last reference happens to go would call back on a foreign thread.
@safe final class AresChannel {
    /// What came of a query: the raw reply of a server that answered, or c-ares' own status.
    struct Outcome {
        let status: Int32
        let reply: [UInt8]
    }

    /// How long a server may take to answer, doubled for each further round, and how many rounds all servers are asked: a
    /// silent one is given up after 3.5 s. c-ares' own 5 s and 4 rounds would keep a client waiting longer than it is held. A resolv.conf with `options timeout:` does not change them.
    private static let timeoutMilliseconds: Int32 = 500
    private static let tries: Int32 = 3

    /// A question that c-ares has; it keeps the channel until it is answered.
    private final class Query {
        let channel: AresChannel
        let finish: (Outcome) -> Void

        init(_ channel: AresChannel, _ finish: @escaping (Outcome) -> Void) {
            self.channel = channel
            self.finish = finish
        }
    }

    private let executor: EventExecutor
    private var channel: ares_channel?
    private var timer: EventExecutor.TimerID?
    /// How many calls into c-ares are on the stack: a callback may ask again, but must not destroy the channel.
    private var callDepth = 0
    /// Questions without an answer.
    private(set) var pending = 0

    // unsafe: the channel is there from create() to close(), and `channel` is nil before and after. It is touched by
    // the control loop's thread alone, and close() never comes from within a call into it (`callDepth`). What c-ares is
    // given by pointer lives for the call, and it copies what it keeps; a reply, bounded by its length, is copied in
    // the callback.
    /// A channel that asks the servers of a resolv.conf as it is now, or these ones.
    init(executor: EventExecutor, resolvConf: String, servers: [SocketAddress]) throws(ResolverError) {
        self.executor = executor
        do throws(ResolverError) {
            try create(resolvConf)
            guard !servers.isEmpty else { return }
            let list = servers.map(\.description).joined(separator: ",")
            try Self.check(unsafe ares_set_servers_ports_csv(channel, list))
        } catch {
            close()
            throw error
        }
    }

    deinit {
        unsafe precondition(channel == nil, "a channel is closed on its own thread before it goes")
    }

    private func create(_ resolvConf: String) throws(ResolverError) {
        var path = resolvConf.utf8CString.map { $0 }  // c-ares copies it, and wants it mutable
        let status = unsafe path.withUnsafeMutableBufferPointer { path in
            var options = unsafe ares_options()
            unsafe options.timeout = Self.timeoutMilliseconds
            unsafe options.tries = Self.tries
            unsafe options.resolvconf_path = path.baseAddress
            unsafe options.sock_state_cb = { owner, socket, isReading, isWriting in
                guard let owner = unsafe owner else { return }
                unsafe Unmanaged<AresChannel>.fromOpaque(owner).takeUnretainedValue()
                    .socketChanged(socket, isReading: isReading != 0, isWriting: isWriting != 0)
            }
            // Unretained: c-ares forgets it in close(), before the object goes.
            unsafe options.sock_state_cb_data = unsafe Unmanaged.passUnretained(self).toOpaque()
            let mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF
            return unsafe ares_init_options(&channel, &options, mask)
        }
        try Self.check(status)
    }

    /// Ends all questions, with `ARES_EDESTRUCTION`. Not from within a callback: c-ares would go on with what is freed.
    func close() {
        executor.checkIsolated()
        precondition(callDepth == 0, "c-ares is at work on this channel")
        guard let closing = unsafe channel else { return }
        callDepth += 1
        unsafe ares_destroy(closing)
        callDepth -= 1
        unsafe channel = nil
        if let timer { executor.cancel(timer) }
        timer = nil
    }

    /// Asks for records of a name as it stands. The answer may come before this returns.
    func query(_ name: String, _ type: DNSRecordType, _ finish: @escaping (Outcome) -> Void) {
        let query = unsafe start(finish)
        unsafe call { unsafe ares_query($0, name, 1, Int32(type.rawValue), Self.callback, query) }
    }

    /// Asks for records of a name, with the search list and ndots of resolv.conf, as every resolver does. The answer may
    /// come before this returns.
    func search(_ name: String, _ type: DNSRecordType, _ finish: @escaping (Outcome) -> Void) {
        let query = unsafe start(finish)
        unsafe call { unsafe ares_search($0, name, 1, Int32(type.rawValue), Self.callback, query) }
    }

    private func start(_ finish: @escaping (Outcome) -> Void) -> UnsafeMutableRawPointer {
        pending += 1
        // Taken back exactly once: c-ares calls back once, on destroy as well.
        return unsafe Unmanaged.passRetained(Query(self, finish)).toOpaque()
    }

    private static let callback: ares_callback = { argument, status, _, bytes, length in
        guard let argument = unsafe argument else { return }
        let query = unsafe Unmanaged<Query>.fromOpaque(argument).takeRetainedValue()
        let reply = unsafe Array(UnsafeBufferPointer(start: bytes, count: Int(length)))
        query.channel.pending -= 1
        query.finish(Outcome(status: status, reply: reply))
    }

    /// Lets c-ares work, and notes when it wants to work next.
    private func call(_ work: (ares_channel) -> Void) {
        guard let channel = unsafe channel else { preconditionFailure("a closed channel is asked nothing") }
        callDepth += 1
        unsafe work(channel)
        callDepth -= 1
        if callDepth == 0 { schedule() }
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
        unsafe call {
            unsafe ares_process_fd($0, canRead ? socket : ARES_SOCKET_BAD, canWrite ? socket : ARES_SOCKET_BAD)
        }
    }

    /// Moves the deadline to where c-ares wants it.
    private func schedule() {
        if let timer { executor.cancel(timer) }
        timer = nil
        var left = timeval()
        guard unsafe ares_timeout(channel, nil, &left) != nil else { return }
        let wait = Duration.seconds(Int64(left.tv_sec)) + .microseconds(Int64(left.tv_usec))
        timer = executor.schedule(at: MonotonicClock.now() + wait) { [weak self] in
            unsafe self?.call { unsafe ares_process_fd($0, ARES_SOCKET_BAD, ARES_SOCKET_BAD) }
        }
    }

    private static func check(_ status: Int32) throws(ResolverError) {
        guard status == ARES_SUCCESS else { throw ResolverError(status: status) }
    }
}

/// c-ares could not be set up.
struct ResolverError: Error, CustomStringConvertible {
    let status: Int32

    var description: String { unsafe String(cString: ares_strerror(status)) }  // unsafe: a constant text, copied
}
