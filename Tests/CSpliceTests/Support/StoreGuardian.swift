import CSplice
import Foundation
import GatewayTesting
import Glibc
import Testing

/// Holds what outlives a killed worker, as a service manager would: listener, table, shelves.
final class StoreGuardian: @unchecked Sendable {  // used by one test, from one thread at a time
    let server: UpstreamServer
    let entrance: Destination
    private let listener: Int32
    private let table: Int32
    /// Both ends of each, one after the other.
    private(set) var shelves: [Int32]
    private let loops: Int
    private let pipePages: Int
    private(set) var pid: pid_t = 0
    private var output: Int32 = -1
    private var text = ""

    /// What a worker said when it began.
    struct Recovered: Equatable {
        var sessions = 0
        var clients = 0
        var ended = 0
        var unsafe = 0
        var refused = 0
    }

    init(
        loops: Int = 2, pipePages: Int = 8192, shelves: Int = 4, entrance: PlaneUnderTest.Entrance = .ipv4,
        server: UpstreamServer? = nil, table: Int32? = nil
    ) throws {
        signal(SIGPIPE, SIG_IGN)
        self.server = try server ?? UpstreamServer()
        (listener, self.entrance) = entrance == .unix ? try unixListeningSocket() : try listeningSocket()
        self.table = try table ?? check("csp_table_create", csp_table_create())
        self.shelves = try (0..<shelves).flatMap { _ in
            var ends: [Int32] = [-1, -1]
            let type = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
            try check("socketpair", socketpair(AF_UNIX, type, 0, &ends))
            return ends
        }
        (self.loops, self.pipePages) = (loops, pipePages)
    }

    deinit {
        kill()
        for descriptor in shelves + [listener, table] { close(descriptor) }
        if case .unix(let path) = entrance { unlink(path) }
    }

    /// Starts a worker, which may have so many descriptors, and returns when it has recovered everything.
    @discardableResult func start(
        dialing address: csp_address? = nil, descriptors: Int? = nil, grows: Bool = false
    ) throws -> Recovered {
        var ends: [Int32] = [-1, -1]
        try check("pipe", pipe(&ends))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // First out of the way of each other, then into their places.
        let passed = [listener, table] + shelves
        let high = Int32(400)
        for (index, descriptor) in passed.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, high + Int32(index))
        }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        for index in passed.indices {
            posix_spawn_file_actions_adddup2(&actions, high + Int32(index), 3 + Int32(index))
        }
        for descriptor in Int32(3 + passed.count)..<(high + Int32(passed.count)) {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        let environment = ProcessInfo.processInfo.environment
        // Another build of it, with sanitizers and their options: `make sanitize-c`.
        let program = try environment["STORE_WORKER"] ?? ToolBox.beside("StoreWorker")
        let words =
            [
                program, "\((address ?? server.address).port)", "\(loops)", "\(pipePages)", "\(shelves.count / 2)",
            ] + (descriptors.map { ["\($0)"] } ?? [])
        let pointers = words.map { strdup($0) } + [nil]
        let own = grows ? ["STORE_WORKER_GROWS=1"] : []
        let options = environment.filter { $0.key.hasSuffix("SAN_OPTIONS") }.map { "\($0)=\($1)" }
        let settings = (own + options).map { strdup($0) } + [nil]
        defer { for pointer in pointers + settings { free(pointer) } }
        let result = posix_spawn(&pid, program, &actions, nil, pointers, settings)
        close(ends[1])
        guard result == 0 else { throw SocketFailure.system(operation: "posix_spawn", errno: result) }
        output = ends[0]
        text = ""
        return try recovered()
    }

    /// The next worker gets the ends of each the other way round, as a service manager may give them.
    func swapEnds() {
        shelves = stride(from: 0, to: shelves.count, by: 2).flatMap { [shelves[$0 + 1], shelves[$0]] }
    }

    /// What a worker that begins says.
    private func recovered() throws -> Recovered {
        let figures = try figures(after: "recovered ", count: 5)
        return Recovered(
            sessions: figures[0], clients: figures[1], ended: figures[2], unsafe: figures[3], refused: figures[4])
    }

    /// Sockets and pipes that the worker has open.
    var openDescriptors: Int {
        ProcessFacts.openDescriptors(of: pid) { $0.hasPrefix("socket:") || $0.hasPrefix("pipe:") }
    }

    /// Ends the worker as the kernel or an operator would, without a chance to say anything.
    func kill() {
        guard pid > 0 else { return }
        Glibc.kill(pid, SIGKILL)
        let status = reap()
        if status != SIGKILL { Issue.record("the worker ended by itself, with status \(status)") }
    }

    /// Lets the worker leave in peace; returns how many found no room in the store.
    func stop() throws -> Int {
        Glibc.kill(pid, SIGTERM)
        let leftOut = try figures(after: "left out ", count: 1)[0]
        let status = reap()
        if status != 0 { Issue.record("the worker that left has status \(status)") }
        return leftOut
    }

    /// Lets the worker become itself anew, with everything held open; returns what it recovered.
    func handOver() throws -> Recovered {
        Glibc.kill(pid, SIGUSR2)
        return try recovered()
    }

    /// Lets the worker leave, and stay all the same.
    func leaveAndStay() throws {
        Glibc.kill(pid, SIGUSR1)
        #expect(try figures(after: "left out ", count: 1)[0] == 0)
    }

    /// Waits until so many sessions are stored.
    func waitUntilStored(_ count: Int) throws {
        while try figures(after: "stored ", count: 1)[0] != count {}
    }

    /// Waits until the number of stored sessions is as wished.
    func waitUntilStored(_ isWished: (Int) -> Bool) throws {
        while try !isWished(figures(after: "stored ", count: 1)[0]) {}
    }

    /// Waits until at least so many sessions are stored and no more are being stored; returns how many.
    func storedAtLeast(_ count: Int) throws -> Int {
        var last = 0
        while last < count { last = try figures(after: "stored ", count: 1)[0] }
        return last
    }

    /// Waits until the worker has accepted so many clients that it has not joined.
    func waitUntilHeld(_ count: Int) throws {
        while try figures(after: "waiting ", count: 1)[0] != count {}
    }

    /// Waits for its end, and returns what waitpid(2) says of it.
    private func reap() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
        close(output)
        (pid, output) = (0, -1)
        return status
    }

    /// The figures of the next line that begins so.
    private func figures(after prefix: String, count: Int) throws -> [Int] {
        let deadline = Deadline(in: .seconds(30))
        while true {
            while let end = text.firstIndex(of: "\n") {
                let line = text[..<end]
                text = String(text[text.index(after: end)...])
                if line.hasPrefix(prefix) {
                    return line.dropFirst(prefix.count).split(separator: " ").compactMap { Int($0) }
                }
            }
            var request = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard poll(&request, 1, deadline.pollTimeout) > 0 else {
                throw SocketFailure.timedOut(operation: "worker: \(prefix)")
            }
            var bytes = [UInt8](repeating: 0, count: 512)
            let got = read(output, &bytes, bytes.count)
            guard got > 0 else { throw SocketFailure.endedEarly(after: 0) }
            text += String(decoding: bytes.prefix(got), as: UTF8.self)
        }
    }
}

/// The same as `listeningSocket` on a path.
private func unixListeningSocket() throws -> (Int32, Destination) {
    let destination = Destination.unix(freshSocketPath())
    let descriptor = try check("socket", socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    try check("bind", destination.withSystemAddress { bind(descriptor, $0, $1) })
    try check("listen", listen(descriptor, 128))
    return (descriptor, destination)
}
