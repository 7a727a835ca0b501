import Foundation
import GatewayTesting
import Glibc

/// The lab's own namespaces: network, processes, mounts. They have no name anywhere, so nothing can be left behind:
/// when the lab's first process ends, in whatever way, the kernel ends all others and removes every network, address,
/// rule and file that was made.
enum Enclosure {
    /// What marks a process that is inside.
    private static let mark = "ETCD_GATEWAY_FAULT_LAB"
    /// A file system in memory that only the lab sees. Members also write their logs there, so that a slow disk of this
    /// machine is no fault that nobody has ordered.
    private static let privateFolder = "/run"

    /// Replaces this process with one inside, unless it is inside; then prepares the place.
    static func enter() throws {
        if getenv(mark) == nil {
            try replaceProcess()
        }
        endOnSignals()
        try mountPrivateFolder()
    }

    private static func replaceProcess() throws {
        setenv(mark, "1", 1)
        var arguments = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if geteuid() != 0 {
            arguments += ["--user", "--map-root-user"]
        }
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        arguments += ["--", program] + CommandLine.arguments.dropFirst()
        let pointers = arguments.map { strdup($0) } + [nil]
        execv("/usr/bin/unshare", pointers)
        throw TestingError("cannot run /usr/bin/unshare: \(String(cString: strerror(errno)))")
    }

    /// The first process of a process namespace ignores what it does not handle, Ctrl-C included.
    private static func endOnSignals() {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { _exit(128 + $0) }
        }
        signal(SIGPIPE, SIG_IGN)
    }

    /// Ends the lab when it hangs: continuous integration is not to wait for ever.
    static func endUnlessCalledAgain(within seconds: UInt32) {
        signal(SIGALRM) { _ in
            let text: StaticString = "the lab hangs: no measurement ended in time\n"
            _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
            _exit(3)
        }
        alarm(seconds)
    }

    private static func mountPrivateFolder() throws {
        guard mount("fault-lab", privateFolder, "tmpfs", 0, "mode=755") == 0 else {
            throw TestingError(
                """
                cannot mount a file system in namespaces of the lab's own (\(String(cString: strerror(errno)))): \
                run the lab as root, and where that is a container, allow it namespaces
                """)
        }
        for folder in ["netns", "tmp"] {
            try FileManager.default.createDirectory(
                atPath: "\(privateFolder)/\(folder)", withIntermediateDirectories: false)
        }
        setenv("TMPDIR", "\(privateFolder)/tmp", 1)
    }

    /// Lets the system's resolver ask the name server at 127.0.0.1, in the lab only.
    static func useNameServer() throws {
        let file = "\(privateFolder)/resolv.conf"
        try "nameserver 127.0.0.1\noptions timeout:1\n".write(toFile: file, atomically: true, encoding: .utf8)
        let system = URL(fileURLWithPath: "/etc/resolv.conf").resolvingSymlinksInPath().path
        guard FileManager.default.fileExists(atPath: system), mount(file, system, nil, UInt(MS_BIND), nil) == 0 else {
            throw TestingError("cannot put \(file) over \(system): \(String(cString: strerror(errno)))")
        }
    }
}
