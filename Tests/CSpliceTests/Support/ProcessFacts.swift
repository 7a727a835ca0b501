import Glibc

/// What the kernel says about this process.
enum ProcessFacts {
    /// Open sockets and pipes. Of other kinds, files and timers for instance, Swift's own threads open some at any time.
    static func openDescriptors() -> Int {
        openDescriptors { $0.hasPrefix("socket:") || $0.hasPrefix("pipe:") }
    }

    /// Open descriptors, of another process too, whose targets, as proc(5) names them, are to be counted.
    static func openDescriptors(of process: pid_t = getpid(), where isCounted: (String) -> Bool) -> Int {
        let path = "/proc/\(process)/fd/"
        guard let directory = opendir(path) else { preconditionFailure("/proc is mounted, and the process there") }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { $0.prefix { $0 != 0 } }
            if isCounted(target(of: path + String(decoding: name, as: UTF8.self))) { count += 1 }
        }
        return count
    }

    /// "socket:[4711]", "pipe:[12]", "anon_inode:[eventpoll]", or the path of a file.
    private static func target(of link: String) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { target in
            guard let start = target.baseAddress else { preconditionFailure("it has a capacity") }
            let length = readlink(link, start, target.count)
            return String(decoding: UnsafeRawBufferPointer(start: start, count: max(length, 0)), as: UTF8.self)
        }
    }

    /// CPU time of all threads so far.
    static func cpuTime() -> Duration {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return .seconds(seconds) + .microseconds(microseconds)
    }

    /// Resident memory in bytes.
    static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { preconditionFailure("/proc is mounted") }
        defer { fclose(file) }
        var line = [UInt8](repeating: 0, count: 256)
        line.removeLast(line.count - fread(&line, 1, line.count, file))
        let pages = String(decoding: line, as: UTF8.self).split(separator: " ")[1]
        guard let resident = Int(pages) else { preconditionFailure("proc(5): statm's second field is a number") }
        return resident * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Lowers or raises how many descriptors this process may have.
    static func limitDescriptors(to count: Int) throws {
        var limit = rlimit()
        try check("getrlimit", getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))
        limit.rlim_cur = rlim_t(count)
        try check("setrlimit", setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))
    }
}
