internal import Gateway
internal import Glibc

/// What this process uses, as the kernel tells it (proc(5)); what it does not tell is left out.
enum ProcessFigures {
    // unsafe: C fills structures of ours while the call lasts. The folder is open from opendir(3) to closedir(3), known
    // to nobody else, and of its entries no more is looked at than whether there is one.
    static func read() -> MetricsSnapshot.Process {
        var figures = MetricsSnapshot.Process()
        var usage = rusage()
        if unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            figures.cpu = duration(usage.ru_utime) + duration(usage.ru_stime)
        }
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            figures.descriptorsMax = UInt64(limit.rlim_cur)
        }
        // "5120 2048 …": pages in all, pages that are present.
        let pages = (SystemFile.read("/proc/self/statm") ?? "").split(separator: " ").prefix(2).compactMap {
            UInt64($0)
        }
        if pages.count == 2 {
            let size = UInt64(sysconf(Int32(_SC_PAGESIZE)))
            (figures.virtualBytes, figures.residentBytes) = (pages[0] * size, pages[1] * size)
        }
        figures.descriptors = descriptors()
        figures.threads = threads()
        return figures
    }

    private static func duration(_ time: timeval) -> Duration {
        .seconds(time.tv_sec) + .microseconds(time.tv_usec)
    }

    /// Since Linux 6.2 the folder's size is their number; before, it is 0 and the folder must be read.
    private static func descriptors() -> UInt64? {
        var status = stat()
        if unsafe stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return UInt64(status.st_size) }
        guard let folder = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(folder) }
        var entries: UInt64 = 0
        while unsafe readdir(folder) != nil { entries += 1 }
        return entries < 3 ? nil : entries - 3  // ".", "..", and the descriptor with which we look
    }

    /// The number behind `Threads:`.
    private static func threads() -> UInt64? {
        let lines = (SystemFile.read("/proc/self/status") ?? "").split(separator: "\n")
        let line = lines.first { $0.hasPrefix("Threads:") }
        return line.flatMap { $0.split(whereSeparator: { $0 == "\t" || $0 == " " }).last }.flatMap { UInt64($0) }
    }
}
