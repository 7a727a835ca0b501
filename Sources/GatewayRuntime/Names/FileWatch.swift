internal import CLinux
internal import Glibc

/// Tells when one of some files was changed, replaced, made or removed, by inotify on their folders: editors and DHCP
/// clients replace files, and a symbolic link's file changes elsewhere. Lives on the control loop.
final class FileWatch {
    private let executor: EventExecutor
    private let inotify: Descriptor
    private let paths: [String]
    private var stamps: [[UInt64]]
    private let changed: () -> Void

    init(executor: EventExecutor, paths: [String], _ changed: @escaping () -> Void) throws(SystemError) {
        self.executor = executor
        self.paths = paths
        self.changed = changed
        let flags = Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)
        inotify = Descriptor(owning: try checkErrno("create an inotify instance", inotify_init1(flags)))
        stamps = paths.map(Self.stamp)
        let folders = Set(paths.flatMap { [Self.folder(of: $0), Self.folder(of: Self.realPath($0) ?? $0)] })
        let events = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE)
        for folder in folders {
            // A folder that is missing or forbidden cannot be watched; the times to live still bring what it says, late.
            _ = unsafe inotify_add_watch(inotify.number, folder, events)
        }
        try executor.watch(inotify.number, EPOLLIN.rawValue) { [weak self] _ in self?.look() }
    }

    deinit {
        executor.unwatch(inotify.number)
    }

    /// Something happened in one of the folders; most of it is none of our business.
    private func look() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while unsafe read(inotify.number, &buffer, buffer.count) > 0 {}  // what exactly happened does not matter
        let now = paths.map(Self.stamp)
        guard now != stamps else { return }
        stamps = now
        changed()
    }

    /// Whether it exists, inode, size and time: all that matters is whether they are the same.
    private static func stamp(of path: String) -> [UInt64] {
        let stamp = unsafe clinux_stamp(path)
        return [stamp.exists, stamp.inode, stamp.bytes, stamp.changed_ns]
    }

    private static func realPath(_ path: String) -> String? {
        guard let real = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }
}
