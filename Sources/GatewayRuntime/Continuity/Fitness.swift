internal import CSplice
internal import Gateway
internal import Glibc

/// Whether a program can take over: it is started as a child, with the same words, and asked to read its settings and a copy
/// of the table. What is no gateway, or one that knows nothing of this, does not give the answer.
enum Fitness {
    /// The variable by which the child is asked; its value is the word that it must say.
    static let variable = "_ETCD_GATEWAY_FIT"
    /// The descriptor of the table in the child.
    private static let table: Int32 = 3
    /// How long the child may take.
    private static let patienceMilliseconds: Int32 = 5000

    /// What a program that is fit can do.
    struct Ability: Sendable {
        /// It finds descriptors that were left open for it (``DataPlane/hold()``).
        var takesHeld: Bool
    }

    /// What it adds to the word if it can do that. A program that does not know this looks for the word alone.
    private static let takesHeldWord = " takes-held"

    /// Throws what speaks against the program.
    static func prove(
        _ program: Program, with table: consuming Descriptor
    ) async throws(UnfitError) -> Ability {
        let number = table.number
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Ability, UnfitError>, Never>) in
            do throws(SystemError) {
                try SystemThread(name: "fitness") { continuation.resume(returning: ask(program, number)) }.detach()
            } catch {
                continuation.resume(returning: .failure(UnfitError(text: "\(error)")))
            }
        }
        // It lives until here: the child has a duplicate.
        _ = consume table
        return try result.get()
    }

    /// In the child: says the word if this process could take over. Returns its exit code.
    static func answer(_ word: String, settingsAreFit: Bool) -> Int32 {
        guard settingsAreFit else { return 2 }
        guard csp_table_check(table) == 0 else {
            Output.write("etcd-gateway: cannot read the table of sessions", to: STDERR_FILENO)
            return 1
        }
        Output.write(word + takesHeldWord, to: STDOUT_FILENO)
        return 0
    }

    private static func ask(_ program: Program, _ table: Int32) -> Result<Ability, UnfitError> {
        let word = "fit-\(UInt64.random(in: 0 ... .max))"
        do throws(SystemError) {
            let child = try Child(program, table: table, word: word)
            let said = child.said(within: patienceMilliseconds)
            let status = child.end()
            guard said.contains(word), status == 0 else {
                let words = said.split(separator: "\n").suffix(3).joined(separator: "; ")
                return .failure(
                    UnfitError(text: "\(program.path) did not prove fit" + (words.isEmpty ? "" : ": \(words)")))
            }
            return .success(Ability(takesHeld: said.contains(word + takesHeldWord)))
        } catch {
            return .failure(UnfitError(text: "\(error)"))
        }
    }

    /// The program as a child.
    private struct Child: ~Copyable {
        private let pid: pid_t
        private let output: Descriptor

        init(_ program: Program, table: Int32, word: String) throws(SystemError) {
            let ends = try SocketPair.sequenced()
            pid = try Self.start(program, table: table, output: Descriptor(owning: ends[1]), word: word, ends[0])
            output = Descriptor(owning: ends[0])
        }

        // unsafe: actions, attributes, words and variables are ours until start() returns, the lists end with nil, and
        // posix_spawn(3) is done with them when it returns. What poll(2), read(2) and waitpid(2) fill is ours as well,
        // and no larger than they are told.
        /// Closes `own` where it fails.
        private static func start(
            _ program: Program, table: Int32, output given: consuming Descriptor, word: String, _ own: Int32
        ) throws(SystemError) -> pid_t {
            do throws(SystemError) {
                var actions = unsafe posix_spawn_file_actions_t()
                unsafe posix_spawn_file_actions_init(&actions)  // cannot fail on Linux: it sets members
                defer { unsafe posix_spawn_file_actions_destroy(&actions) }
                // The table may lie where the output goes, so it moves last, from where nobody else is.
                let moves = [(given.number, STDOUT_FILENO), (given.number, STDERR_FILENO), (table, Fitness.table)]
                for (from, to) in moves {
                    try succeed(unsafe posix_spawn_file_actions_adddup2(&actions, from, to), program)
                }
                var attributes = posix_spawnattr_t()
                unsafe posix_spawnattr_init(&attributes)  // as above, and so do those that follow
                defer { unsafe posix_spawnattr_destroy(&attributes) }
                // It can be told to stop, as we can. What else we are asked is not meant for it.
                var blocked = SignalWatch.set(of: GatewayProgram.requestSignals)
                unsafe posix_spawnattr_setsigmask(&attributes, &blocked)
                unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
                let words = try CStringList(program.words)
                let variables = try CStringList(environment(word))
                var pid: pid_t = 0
                try succeed(
                    unsafe posix_spawn(&pid, program.path, &actions, &attributes, words.pointers, variables.pointers),
                    program)
                _ = consume words  // both live until here
                _ = consume variables
                return pid
            } catch {
                _ = close(own)
                throw error
            }
        }

        private static func succeed(_ result: Int32, _ program: Program) throws(SystemError) {
            guard result == 0 else { throw SystemError(result, "start \(program.path)") }
        }

        /// Ours, without the manager's ear: the child is none of its business.
        private static func environment(_ word: String) -> [String] {
            let others = ProcessEnvironment.all().filter { $0.key != "NOTIFY_SOCKET" && $0.key != "WATCHDOG_USEC" }
            return others.map { "\($0.key)=\($0.value)" } + ["\(Fitness.variable)=\(word)"]
        }

        /// What it says until it ends, or until the time is over.
        func said(within milliseconds: Int32) -> String {
            let deadline = MonotonicClock.now() + .milliseconds(Int(milliseconds))
            var said: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while said.count < 1 << 16 {
                var request = pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)
                let wait = MonotonicClock.milliseconds(until: deadline, from: MonotonicClock.now())
                guard unsafe poll(&request, 1, wait) == 1 else { break }
                let count = unsafe read(output.number, &buffer, buffer.count)
                guard count > 0 else { break }
                said += buffer.prefix(count)
            }
            return String(decoding: said, as: UTF8.self)
        }

        /// Ends it if it goes on, and returns its exit code, or -1 where a signal has ended it.
        consuming func end() -> Int32 {
            var status: Int32 = 0
            for attempt in 0..<100 {
                if unsafe waitpid(pid, &status, WNOHANG) == pid { return status & 0x7f == 0 ? status >> 8 & 0xff : -1 }
                usleep(attempt < 50 ? 1000 : 10_000)
            }
            kill(pid, SIGKILL)
            while unsafe waitpid(pid, &status, 0) == -1 && errno == EINTR {}
            return -1
        }
    }
}

/// Why a program cannot take over.
struct UnfitError: Error, CustomStringConvertible {
    var text: String
    var description: String { text }
}
