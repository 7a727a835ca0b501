internal import CLinux
internal import Gateway
internal import Glibc

/// `status --watch`: looks once a second, and shows it in place on a terminal, one after the other elsewhere, until it is
/// interrupted. A gateway that is gone for a while, as one that is restarted, is waited for.
struct StatusWatch {
    private let client: AdminClient
    private let isJSON: Bool
    private var samples = StatusSamples()
    private var wasReady = false

    init(_ client: AdminClient, isJSON: Bool) {
        self.client = client
        self.isJSON = isJSON
    }

    /// Returns when it is interrupted: 0 where the gateway was ready at the last look.
    consuming func run() throws(AdminClient.Failure) -> Int32 {
        _ = try ClientProgram.get("/status", client)  // what is wrong from the start is told, not waited for
        let isInPlace = !isJSON && isatty(STDOUT_FILENO) == 1
        if isInPlace { write("\u{1B}[?1049h\u{1B}[?25l") }
        defer { if isInPlace { write("\u{1B}[?25h\u{1B}[?1049l") } }
        repeat {
            let lines = look()
            guard isInPlace else {
                Output.write(lines.joined(separator: "\n") + (isJSON ? "" : "\n"), to: STDOUT_FILENO)
                continue
            }
            let size = TerminalSize.now()
            let shown = lines.prefix(size.rows - 1).map { StatusScreen.cut($0, to: size.columns) + "\u{1B}[K" }
            write("\u{1B}[H" + shown.joined(separator: "\n") + "\u{1B}[J")
        } while !Interruption.came(within: 1)
        return wasReady ? 0 : 1
    }

    private mutating func look() -> [String] {
        do throws(AdminClient.Failure) {
            guard !isJSON else {
                let json = try ClientProgram.get("/status", client)
                wasReady = json["ready"]?.boolean == true
                return ["\(json)"]
            }
            let status = try ClientProgram.status(client)
            wasReady = status.isReady
            samples.add(status)
            return StatusScreen(status, samples: samples, isColoured: ClientProgram.isColoured).lines
        } catch {
            wasReady = false
            return [isJSON ? "\(JSON.members(["error": .string(error.description)]))" : error.description]
        }
    }

    private func write(_ text: String) {
        var text = text
        // A terminal that is gone sends us a signal.
        _ = text.withUTF8 { unsafe Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }  // unsafe: within withUTF8
    }
}

/// Waits for SIGINT and SIGTERM instead of dying of them, so that the terminal can be put back.
private enum Interruption {
    // unsafe: C reads and fills sets and a time that are ours, while the call lasts.
    private static let signals: sigset_t = {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGINT)
        unsafe sigaddset(&set, SIGTERM)
        unsafe sigprocmask(SIG_BLOCK, &set, nil)
        return set
    }()

    /// Whether one came in so many seconds.
    static func came(within seconds: Int) -> Bool {
        var set = signals
        var limit = timespec(tv_sec: seconds, tv_nsec: 0)
        return unsafe sigtimedwait(&set, nil, &limit) != -1
    }
}

/// How much fits on the terminal.
private struct TerminalSize {
    var columns = 80
    var rows = 24

    // unsafe: TIOCGWINSZ fills one winsize, and this one is ours (ioctl_tty(2)).
    static func now() -> TerminalSize {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 1 else {
            return TerminalSize()
        }
        return TerminalSize(columns: Int(size.ws_col), rows: Int(size.ws_row))
    }
}
