internal import Gateway
internal import Glibc
internal import Logging
internal import Synchronization

/// How this process becomes the program that is installed now, with everything handed over: the same process number, the
/// same listeners, and every session (SIGUSR2).
public final class Succession: Sendable {
    private let requests: AsyncStream<Void>
    private let newRequest: AsyncStream<Void>.Continuation
    private let program: Program

    /// The program that runs now, by the path and the words with which it was started.
    public convenience init() { self.init(Program.own()) }

    init(_ program: Program) {
        self.program = program
        (requests, newRequest) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// From any thread.
    func request() { newRequest.yield() }

    /// Hands over each time that is requested, until the surrounding task is cancelled. It returns from a hand-over only where
    /// that was refused, and then nothing has changed.
    func serve(_ heir: Heir) async {
        for await _ in requests { await heir.take(over: program) }
    }
}

/// A program as it is started.
struct Program: Sendable {
    /// The path of its file; what lies there may have been replaced since.
    var path: String
    /// All words, its name first.
    var words: [String]

    // unsafe: readlink(2) fills a buffer of ours, no more than the count says. execve(2) copies both lists, which live
    // until it has failed.
    /// The one that runs. A path that the kernel does not tell is a name that cannot be executed.
    static func own() -> Program {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let bytes = buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }
        return Program(path: String(decoding: bytes, as: UTF8.self), words: CommandLine.arguments)
    }

    /// Becomes this program, with an environment in which one variable is added. Returns only where that fails: the error.
    func become(adding variable: String, _ value: String) -> SystemError {
        var variables = ProcessEnvironment.all()
        variables[variable] = value
        do throws(SystemError) {
            let words = try CStringList(words)
            let environment = try CStringList(variables.map { "\($0.key)=\($0.value)" })
            unsafe execve(path, words.pointers, environment.pointers)
            let error = SystemError(errno, "execute \(path)")
            _ = consume words  // both live until here
            _ = consume environment
            return error
        } catch {
            return error
        }
    }
}
